"""HTML and XHTML to blocks: what a reader would read aloud, without notes, page numbers and navigation."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import NamedTuple
from xml.parsers import expat

from ssmphony.books.archive import MAX_DEPTH, Attributes, read_xml
from ssmphony.books.book import MAX_BLOCKS, MAX_CHARACTERS, Block, Emphasis, Kind, Run, clean, printable, too_long
from ssmphony.types import SsmphonyError

_BLOCKS = frozenset(
    "address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hr li main ol p pre section table tbody td tfoot th thead tr ul".split()
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_SILENT = frozenset(
    "audio button canvas datalist del iframe map math nav noscript object rp rt script select style svg template "
    "textarea video".split()
)
_SILENT_TYPES = frozenset(
    "noteref pagebreak toc landmarks page-list lot loi footnote endnote footnotes endnotes rearnote rearnotes "
    "doc-noteref doc-pagebreak doc-toc doc-footnote doc-endnotes".split()
)
"""Of ``epub:type`` and ``role``: what is no part of the running text."""
_HEADING = re.compile(r"h[1-6]")
_EMPHASIS: dict[str, Emphasis] = {"em": "em", "i": "em", "cite": "em", "strong": "strong", "b": "strong"}
_CLOSES_ITSELF = frozenset(("p", "li", "dt", "dd", "tr", "td", "th"))
"""Elements whose end HTML lets one leave out where the next one begins."""


class _Open(NamedTuple):
    tag: str
    silent: bool
    emphasis: Emphasis
    speaker: str


_OUTSIDE = _Open("", False, "", "")


class Walker:
    """Takes elements and text one by one, of one document after another, and collects ``blocks``.

    ``picture`` takes the document's name and the address of a picture; it returns a key of `Book.pictures`, or nothing.
    """

    def __init__(self, picture: Callable[[str, str], str] = lambda document, address: "") -> None:
        self.blocks: list[Block] = []
        self.title = ""
        self.author = ""
        self.language = ""
        self._picture = picture
        self._document = ""
        self._open: list[_Open] = []
        self._runs: list[Run] = []
        self._anchors: list[str] = []
        self._where = ""
        self._characters = 0

    def read(self, data: bytes, name: str, where: str, *, strict: bool = False) -> None:
        """Read a document called ``name``; with ``strict`` it is XHTML, unless it is not well-formed after all."""
        self._document, self._where, self._open = name, where, []
        self._anchors.append(name)
        begun = len(self.blocks)
        try:
            if not strict:
                raise expat.ExpatError
            read_xml(data, where, self.start, self.end, self.text, self._entity)
        except expat.ExpatError:
            del self.blocks[begun:]
            self._open, self._runs = [], []
            self._anchors.append(name)
            parser = _TagSoup(self, where)
            parser.feed(_decoded(data, where))
            parser.close()
        self._flush()

    def start(self, tag: str, attributes: Attributes) -> None:
        tag = tag.lower()
        outer = self._open[-1] if self._open else _OUTSIDE
        if tag in _BLOCKS:
            self._flush()
        self._head(tag, attributes)
        name = attributes.get("id") or (attributes.get("name") if tag == "a" else None)
        if name:
            self._anchors.append(f"{self._document}#{name}")
        silent = outer.silent or _is_silent(tag, attributes)
        if not silent:
            if tag == "br":
                self._runs.append(Run("\n"))
            elif tag == "hr":
                self._emit(Block("rule"))
            elif tag == "img" and (key := self._picture(self._document, attributes.get("src") or "")):
                self._flush()
                self._emit(Block("picture", picture=key, alternative=clean(attributes.get("alt") or "")))
        speaker = clean(attributes.get("data-speaker") or "") or outer.speaker
        self._open.append(_Open(tag, silent, _EMPHASIS.get(tag, outer.emphasis), speaker))

    def end(self, tag: str) -> None:
        tag = tag.lower()
        if tag in _BLOCKS:
            self._flush()
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def text(self, text: str) -> None:
        top = self._open[-1] if self._open else _OUTSIDE
        if top.tag == "title" and not self.title:
            self.title = clean(text)
        if top.silent or top.tag == "title":
            return
        if not any(element.tag == "pre" for element in self._open):
            text = re.sub(r"\s+", " ", text)
        self._runs.append(Run(printable(text), top.emphasis, top.speaker))

    @property
    def depth(self) -> int:
        return len(self._open)

    @property
    def tag(self) -> str:
        return self._open[-1].tag if self._open else ""

    def _entity(self, name: str) -> None:
        self.text(html.unescape(f"&{name};"))

    def _head(self, tag: str, attributes: Attributes) -> None:
        if tag == "html":
            self.language = self.language or attributes.get("lang") or ""
        elif tag == "meta" and (attributes.get("name") or "").lower() == "author":
            self.author = self.author or clean(attributes.get("content") or "")

    def _flush(self) -> None:
        runs, self._runs = _trimmed(self._runs), []
        if not runs:
            return
        tags = [element.tag for element in self._open]
        heading = next((tag for tag in tags if _HEADING.fullmatch(tag)), None)
        kind: Kind = (
            "heading" if heading else "item" if "li" in tags else "quote" if "blockquote" in tags else "paragraph"
        )
        self._emit(Block(kind, runs, level=int(heading[1]) if heading else 0))

    def _emit(self, block: Block) -> None:
        self._characters += sum(len(run.text) for run in block.runs)
        if len(self.blocks) >= MAX_BLOCKS or self._characters > MAX_CHARACTERS:
            raise too_long(self._where)
        anchors, self._anchors = tuple(self._anchors), []
        self.blocks.append(Block(block.kind, block.runs, block.level, block.picture, block.alternative, anchors))


class _TagSoup(HTMLParser):
    """HTML as it is found: end tags may be missing or too many."""

    def __init__(self, walker: Walker, where: str) -> None:
        super().__init__(convert_charrefs=True)
        self._walker, self._where = walker, where

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        walker = self._walker
        if tag in _CLOSES_ITSELF and walker.tag == tag:
            walker.end(tag)
        if walker.depth >= MAX_DEPTH:
            raise SsmphonyError(f"{self._where} nests its elements more than {MAX_DEPTH} deep: this is not a book")
        walker.start(tag.rpartition(":")[2], {name.rpartition(":")[2]: value or "" for name, value in attrs})
        if tag in _VOID:
            walker.end(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._walker.end(tag.rpartition(":")[2])

    def handle_data(self, data: str) -> None:
        self._walker.text(data)


def _is_silent(tag: str, attributes: Attributes) -> bool:
    if tag in _SILENT or "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    types = f"{attributes.get('type') or ''} {attributes.get('role') or ''}".split()
    return not _SILENT_TYPES.isdisjoint(types) or "display:none" in (attributes.get("style") or "").replace(" ", "")


def _trimmed(runs: list[Run]) -> tuple[Run, ...]:
    """Runs without double blanks, blanks around line ends, and blanks at both ends; equal neighbours are one."""
    kept: list[Run] = []
    before = "\n"
    for run in runs:
        text = re.sub(r"[^\S\n]*\n\s*|[^\S\n]+", lambda match: "\n" if "\n" in match[0] else " ", run.text)
        if text.startswith("\n") and before == " ":
            kept[-1] = kept[-1]._replace(text=kept[-1].text[:-1])
        elif before in " \n":
            text = text.lstrip(" \n")
        if not text:
            continue
        before = text[-1]
        if kept and kept[-1][1:] == run[1:]:
            kept[-1] = kept[-1]._replace(text=kept[-1].text + text)
        else:
            kept.append(run._replace(text=text))
    while kept and not (text := kept[-1].text.rstrip()):
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    return tuple(run for run in kept if run.text) if any(run.text.strip() for run in kept) else ()


def _decoded(data: bytes, where: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        named = re.search(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", data[:4096], re.IGNORECASE)
        encoding = "utf-8-sig" if named is None or named[1].lower() == b"utf-8" else named[1].decode("ascii")
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise SsmphonyError(f"{where} is not valid {encoding.removesuffix('-sig').upper()}: save it as UTF-8") from None
