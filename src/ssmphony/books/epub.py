"""EPUB 2 and 3 to a `Book`: the files of the spine in their order, cut into chapters by the table of contents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ssmphony.books.archive import Archive, resolve
from ssmphony.books.book import (
    Book,
    Entry,
    Picture,
    Pictures,
    by_contents,
    by_headings,
    check_size,
    clean,
    language_tag,
    picture_of,
)
from ssmphony.books.html import Walker
from ssmphony.types import SsmphonyError

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_XHTML = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_MAX_ENTRIES = 5_000
_DETAILS = {"date": "date", "publisher": "publisher", "rights": "rights", "description": "description"}


class _Item(NamedTuple):
    """A file of the manifest; ``name`` is the one in the archive."""

    name: str
    media_type: str
    properties: frozenset[str]


def read_epub(path: Path, level: int | None = None) -> Book:
    """Raises `SsmphonyError` for what is no EPUB, damaged, protected or too large."""
    with Archive(path) as archive:
        if _CONTAINER not in archive:
            raise SsmphonyError(f"{path} is not an EPUB: it has no {_CONTAINER}")
        rootfile = next(archive.xml(_CONTAINER).iter("rootfile"), None)
        package = resolve("", "" if rootfile is None else rootfile.get("full-path", ""))
        if not package:
            raise SsmphonyError(f"{path}: its {_CONTAINER} names no package document")
        return _Package(archive, package).book(level)


class _Package:
    def __init__(self, archive: Archive, name: str) -> None:
        self._archive = archive
        self._where = str(archive.path)
        self._root = archive.xml(name)
        self._items = {
            item.get("id", ""): _Item(
                resolve(name, item.get("href", "")),
                item.get("media-type", ""),
                frozenset(item.get("properties", "").split()),
            )
            for item in self._root.iter("item")
        }
        self._pictures = Pictures(archive.picture)

    def book(self, level: int | None) -> Book:
        metadata = self._root.find("metadata")
        values = {} if metadata is None else _metadata(metadata)
        title, stem = next(iter(values.get("title", ())), ""), self._archive.path.stem
        walker = Walker(self._picture)
        for name in self._spine():
            walker.read(self._archive.read(name), name, f"{self._where}, {name}", strict=True)
        check_size(walker.blocks, self._where)
        contents = self._contents() if level is None else []
        if contents:
            title = title or walker.title or stem
            chapters = by_contents(walker.blocks, contents, title)
        else:
            title, chapters = by_headings(walker.blocks, title, stem, level)
        details = {key: values[name][0] for key, name in _DETAILS.items() if values.get(name)}
        return Book(
            title=title,
            chapters=chapters,
            authors=tuple(values.get("creator", ())),
            language=language_tag(next(iter(values.get("language", ())), "")),
            cover=self._cover(),
            pictures=self._pictures.found,
            details=details,
        )

    def _spine(self) -> Iterator[str]:
        """The files to read. Raises `SsmphonyError` where there are none, or where they are encrypted."""
        encrypted = self._encrypted()
        found = False
        for reference in self._root.iter("itemref"):
            item = self._items.get(reference.get("idref", ""))
            if item is None or item.media_type not in _XHTML:
                continue
            if reference.get("linear") == "no" or "nav" in item.properties:
                continue
            if item.name in encrypted:
                raise SsmphonyError(f"{self._where} is protected (DRM): give a copy without protection")
            found = True
            yield item.name
        if not found:
            raise SsmphonyError(f"{self._where} is not a book: its spine names no text")

    def _encrypted(self) -> set[str]:
        if _ENCRYPTION not in self._archive:
            return set()
        references = self._archive.xml(_ENCRYPTION).iter("CipherReference")
        return {resolve("", reference.get("URI", "")) for reference in references}

    def _contents(self) -> list[Entry]:
        """The table of contents; nothing where it is damaged, since the text may be whole."""
        try:
            return list(self._entries())
        except SsmphonyError:
            return []

    def _entries(self) -> Iterator[Entry]:
        """Of the navigation document of EPUB 3, or else of the NCX of EPUB 2."""
        nav = next((item for item in self._items.values() if "nav" in item.properties), None)
        if nav is not None and nav.name in self._archive:
            root = self._archive.xml(nav.name)
            tables = [table for table in root.iter("nav") if table.get("type", "toc") == "toc"]
            links = [link for table in tables[:1] for link in table.iter("a")]
            yield from _entries(nav.name, [("".join(link.itertext()), link.get("href", "")) for link in links])
            return
        spine = self._root.find("spine")
        ncx = self._items.get("" if spine is None else spine.get("toc", ""))
        if ncx is None or ncx.name not in self._archive:
            return
        points: list[tuple[str, str]] = []
        for point in self._archive.xml(ncx.name).iter("navPoint"):
            label, content = point.find("navLabel/text"), point.find("content")
            if label is not None and content is not None:
                points.append((label.text or "", content.get("src", "")))
        yield from _entries(ncx.name, points)

    def _picture(self, document: str, address: str) -> str:
        return self._pictures.key(resolve(document, address))

    def _cover(self) -> Picture | None:
        item = next((item for item in self._items.values() if "cover-image" in item.properties), None)
        if item is None:
            named = next((meta for meta in self._root.iter("meta") if meta.get("name") == "cover"), None)
            item = None if named is None else self._items.get(named.get("content", ""))
        data = None if item is None else self._archive.picture(item.name)
        return None if data is None else picture_of(data)


def _metadata(metadata: Element) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for element in metadata.iter():
        if text := clean("".join(element.itertext())):
            values.setdefault(element.tag, []).append(text)
    return values


def _entries(base: str, found: list[tuple[str, str]]) -> Iterator[Entry]:
    for title, address in found[:_MAX_ENTRIES]:
        if (target := resolve(base, address)) and address:
            yield Entry(clean(title), target)
