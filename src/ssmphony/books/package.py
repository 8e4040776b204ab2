"""An EPUB 3 whose words light up as they are spoken: the text of a book, its sound, and media overlays between them.

The text is written anew: paragraphs, headings, emphasis and pictures. Scripts, styles and links of the document are
left out, so that what comes out is valid whatever went in.
"""

from __future__ import annotations

import re
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from typing import NamedTuple

from ssmphony.books.book import Book, Picture
from ssmphony.books.overlays import HEAD, Page, SpokenChapter, document, duration_of

_EPOCH = (1980, 1, 1, 0, 0, 0)
_CONTAINER = (
    f'{HEAD}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
)
_STYLE = """body { line-height: 1.6; margin: 0 5%; }
p { margin: 0 0 0.8em; }
hr { border: 0; margin: 2em 0; text-align: center; }
hr::before { content: "* * *"; }
img { max-width: 100%; }
.spoken-now { background-color: #ffe08a; color: #000; }
"""
_ACTIVE = "spoken-now"
_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}


class _File(NamedTuple):
    """A file of the manifest; ``href`` is its name in the folder ``EPUB``."""

    identifier: str
    href: str
    media_type: str
    extra: str = ""


def write_overlays(path: Path, book: Book, spoken: Sequence[SpokenChapter], *, language: str, narrator: str) -> None:
    """Write the EPUB. ``language`` is a BCP 47 tag."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "mimetype", b"application/epub+zip", stored=True)
        _put(archive, "META-INF/container.xml", _CONTAINER.encode())
        files = list(_write_files(archive, book, spoken, language))
        package = _package(book, spoken, files, language, narrator)
        _put(archive, "EPUB/package.opf", package.encode())


def _write_files(
    archive: zipfile.ZipFile, book: Book, spoken: Sequence[SpokenChapter], language: str
) -> Iterator[_File]:
    used = {block.picture for chapter in book.chapters for block in chapter.blocks if block.picture}
    names: dict[str, str] = {}
    for number, key in enumerate(sorted(used), start=1):
        picture = book.pictures[key]
        names[key] = f"picture-{number:04}.{picture.kind}"
        yield _picture(archive, f"picture-{number:04}", picture)
    if book.cover is not None:
        yield _picture(archive, "cover", book.cover, ' properties="cover-image"')
    _put(archive, "EPUB/style.css", _STYLE.encode())
    yield _File("style", "style.css", "text/css")
    for number, (chapter, sound) in enumerate(zip(book.chapters, spoken, strict=True), start=1):
        name = f"chapter-{number:04}"
        page = Page(chapter, sound, names)
        _put(archive, f"EPUB/{name}.xhtml", page.xhtml(language).encode())
        overlay = f' media-overlay="{name}-overlay"' if sound.audio is not None else ""
        yield _File(name, f"{name}.xhtml", "application/xhtml+xml", overlay)
        if sound.audio is not None:
            _put(archive, f"EPUB/{name}.smil", page.smil(name).encode())
            yield _File(f"{name}-overlay", f"{name}.smil", "application/smil+xml")
            archive.write(sound.audio, f"EPUB/{name}.m4a", zipfile.ZIP_STORED)
            yield _File(f"{name}-audio", f"{name}.m4a", "audio/mp4")
    _put(archive, "EPUB/nav.xhtml", _navigation(book, language).encode())
    yield _File("nav", "nav.xhtml", "application/xhtml+xml", ' properties="nav"')


def _picture(archive: zipfile.ZipFile, name: str, picture: Picture, extra: str = "") -> _File:
    href = f"{name}.{picture.kind}"
    _put(archive, f"EPUB/{href}", picture.data, stored=True)
    return _File(name, href, _TYPES[picture.kind], extra)


def _navigation(book: Book, language: str) -> str:
    entries = "\n".join(
        f'<li><a href="chapter-{number:04}.xhtml">{escape(chapter.title) or number}</a></li>'
        for number, chapter in enumerate(book.chapters, start=1)
    )
    return document(book.title, language, f'<nav epub:type="toc" id="toc"><ol>\n{entries}\n</ol></nav>')


def _package(book: Book, spoken: Sequence[SpokenChapter], files: Sequence[_File], language: str, narrator: str) -> str:
    durations = [duration_of(sound) for sound in spoken]
    identifier = uuid.uuid5(uuid.NAMESPACE_URL, f"ssmphony:{book.title}:{narrator}:{durations}")
    modified = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [
        f'<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>',
        f"<dc:title>{escape(book.title)}</dc:title>",
        f"<dc:language>{language}</dc:language>",
        *(f"<dc:creator>{escape(author)}</dc:creator>" for author in book.authors),
        *_details(book),
        f'<meta property="dcterms:modified">{modified}</meta>',
        f'<meta property="media:active-class">{_ACTIVE}</meta>',
        f'<meta property="media:narrator">{escape(narrator)}</meta>',
        f'<meta property="media:duration">{sum(round(seconds, 3) for seconds in durations):.3f}s</meta>',
        *(
            f'<meta property="media:duration" refines="#chapter-{number:04}-overlay">{seconds:.3f}s</meta>'
            for number, (seconds, sound) in enumerate(zip(durations, spoken, strict=True), start=1)
            if sound.audio is not None
        ),
        '<meta property="schema:accessMode">textual</meta>',
        '<meta property="schema:accessMode">auditory</meta>',
        '<meta property="schema:accessModeSufficient">textual</meta>',
        '<meta property="schema:accessibilityFeature">synchronizedAudioText</meta>',
        '<meta property="schema:accessibilityHazard">none</meta>',
    ]
    manifest = "\n".join(
        f'<item id="{file.identifier}" href="{file.href}" media-type="{file.media_type}"{file.extra}/>'
        for file in files
    )
    spine = "\n".join(f'<itemref idref="chapter-{number:04}"/>' for number in range(1, len(spoken) + 1))
    metadata = "\n".join(lines)
    return (
        f'{HEAD}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" '
        f'xml:lang="{language}">\n<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">\n{metadata}\n</metadata>\n'
        f"<manifest>\n{manifest}\n</manifest>\n<spine>\n{spine}\n</spine>\n</package>\n"
    )


def _details(book: Book) -> Iterator[str]:
    for name in ("publisher", "rights", "description"):
        if name in book.details:
            yield f"<dc:{name}>{escape(book.details[name])}</dc:{name}>"
    if re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", date := book.details.get("date", "")):
        yield f"<dc:date>{date}</dc:date>"


def _put(archive: zipfile.ZipFile, name: str, data: bytes, *, stored: bool = False) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)
