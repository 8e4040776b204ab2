"""DOCX to a `Book`: paragraphs, with headings by their styles, emphasis and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from ssmphony.books.archive import Archive, resolve
from ssmphony.books.book import (
    Block,
    Book,
    Emphasis,
    Picture,
    Pictures,
    Run,
    by_headings,
    check_size,
    clean,
    language_tag,
    printable,
)
from ssmphony.types import SsmphonyError

_DOCUMENT = "word/document.xml"
_STYLES = "word/styles.xml"
_RELATIONS = "word/_rels/document.xml.rels"
_PROPERTIES = "docProps/core.xml"
_DEEPEST = 6
_NOT_SPOKEN = frozenset(("del", "moveFrom", "Fallback", "instrText", "delText", "txbxContent"))
"""What was deleted or moved away, and what stands for older programs or outside of the text."""


def read_docx(path: Path, level: int | None = None) -> Book:
    """Raises `SsmphonyError` for what is no DOCX, damaged, protected or too large."""
    with Archive(path) as archive:
        if _DOCUMENT not in archive:
            raise SsmphonyError(f"{path} is not a DOCX file: it has no {_DOCUMENT}")
        document = _Document(archive)
        check_size(document.blocks, str(path))
        core = archive.xml(_PROPERTIES) if _PROPERTIES in archive else Element("none")
        author, language = _text(core, "creator"), language_tag(_text(core, "language"))
        title, chapters = by_headings(document.blocks, _text(core, "title"), path.stem, level)
        return Book(
            title=title,
            chapters=chapters,
            authors=(author,) if author else (),
            language=language,
            pictures=document.pictures,
        )


class _Document:
    def __init__(self, archive: Archive) -> None:
        self.blocks: list[Block] = []
        self._pictures = Pictures(archive.picture)
        self._archive = archive
        self._levels = _heading_levels(archive.xml(_STYLES)) if _STYLES in archive else {}
        relations = archive.xml(_RELATIONS) if _RELATIONS in archive else Element("none")
        self._targets = {
            relation.get("Id", ""): resolve(_DOCUMENT, relation.get("Target", ""))
            for relation in relations.iter("Relationship")
            if relation.get("TargetMode") != "External"
        }
        for paragraph in _paragraphs(archive.xml(_DOCUMENT)):
            self._paragraph(paragraph)

    def _paragraph(self, paragraph: Element) -> None:
        style = paragraph.find("pPr/pStyle")
        outline = paragraph.find("pPr/outlineLvl")
        level = self._levels.get("" if style is None else style.get("val", ""), 0)
        if outline is not None and outline.get("val", "9").isdecimal() and int(outline.get("val", "9")) < _DEEPEST - 1:
            level = int(outline.get("val", "9")) + 2
        runs, pictures = self._runs(paragraph)
        if runs:
            item = paragraph.find("pPr/numPr") is not None
            self.blocks.append(Block("heading", runs, level) if level else Block("item" if item else "paragraph", runs))
        self.blocks += [Block("picture", picture=name) for name in pictures]

    def _runs(self, paragraph: Element) -> tuple[tuple[Run, ...], list[str]]:
        runs: list[Run] = []
        pictures: list[str] = []
        waiting = [paragraph]
        emphasis: Emphasis = ""
        while waiting:
            element = waiting.pop()
            if element.tag in _NOT_SPOKEN or (element.tag == "p" and element is not paragraph):
                continue
            if element.tag == "r":
                emphasis = "strong" if _is_on(element, "b") else "em" if _is_on(element, "i") else ""
            elif element.tag == "t":
                runs.append(Run(printable(element.text or ""), emphasis))
            elif element.tag in ("tab", "br", "cr"):
                runs.append(Run(" " if element.tag == "tab" else "\n", emphasis))
            elif element.tag == "blip" and (
                name := self._pictures.key(self._targets.get(element.get("embed", ""), ""))
            ):
                pictures.append(name)
            waiting.extend(reversed(element))
        return _joined(runs), pictures

    @property
    def pictures(self) -> dict[str, Picture]:
        return self._pictures.found


def _paragraphs(root: Element) -> Iterator[Element]:
    """In their order, in tables too, without those that are not spoken."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.tag == "p":
            yield element
        elif element.tag not in _NOT_SPOKEN:
            waiting.extend(reversed(element))


def _joined(runs: list[Run]) -> tuple[Run, ...]:
    """Neighbours of equal emphasis as one; nothing where there is no text."""
    kept: list[Run] = []
    for run in runs:
        if kept and kept[-1][1:] == run[1:]:
            kept[-1] = kept[-1]._replace(text=kept[-1].text + run.text)
        elif run.text:
            kept.append(run)
    return tuple(kept) if any(run.text.strip() for run in kept) else ()


def _heading_levels(styles: Element) -> dict[str, int]:
    """Level by the id of a style: 1 is the title of the document, 2 the heading 1 of Word."""
    levels: dict[str, int] = {}
    parents: dict[str, str] = {}
    for style in styles.iter("style"):
        name, based = style.find("name"), style.find("basedOn")
        identifier, label = style.get("styleId", ""), "" if name is None else name.get("val", "").lower()
        if based is not None:
            parents[identifier] = based.get("val", "")
        if label == "title":
            levels[identifier] = 1
        elif match := re.fullmatch(r"heading ([1-9])", label):
            levels[identifier] = min(int(match[1]) + 1, _DEEPEST)
    for identifier in parents:
        ancestor, seen = identifier, set[str]()
        while ancestor not in levels and ancestor in parents and ancestor not in seen:
            seen.add(ancestor)
            ancestor = parents[ancestor]
        if ancestor in levels:
            levels[identifier] = levels[ancestor]
    return levels


def _is_on(run: Element, name: str) -> bool:
    switch = run.find(f"rPr/{name}")
    return switch is not None and switch.get("val", "1") not in ("0", "false", "none")


def _text(root: Element, name: str) -> str:
    element = root.find(name)
    return "" if element is None else clean(element.text or "")
