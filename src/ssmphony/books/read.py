"""A document on the disk to a `Book`; the ending of its name says how it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ssmphony.books.archive import MAX_ENTRY_BYTES, MAX_FILE_BYTES
from ssmphony.books.book import (
    MAX_PICTURE_BYTES,
    Book,
    Picture,
    Pictures,
    by_headings,
    check_size,
    language_tag,
    picture_of,
)
from ssmphony.books.docx import read_docx
from ssmphony.books.epub import read_epub
from ssmphony.books.html import Walker
from ssmphony.books.plain import front_matter, read_plain
from ssmphony.types import SsmphonyError


def read_book(path: Path, level: int | None = None) -> Book:
    """Read an EPUB, a DOCX, HTML, Markdown or plain text.

    Args:
        path: The file; its ending is one of `SUFFIXES`.
        level: Chapters begin at the headings down to this level; None goes by the table of contents, or else by the
            first level that has several headings.

    Raises:
        SsmphonyError: For a file that cannot be read, is damaged, protected or too large, or holds no text.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SsmphonyError(
            f"{path}: its name must end in {', '.join(SUFFIXES)}; convert other documents to EPUB first"
        )
    try:
        if not path.is_file():
            raise SsmphonyError(f"cannot read {path}: {'it is not a file' if path.exists() else 'no such file'}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SsmphonyError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB: this is not a book")
        return reader(path, level)
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def read_picture(path: Path) -> Picture:
    """A JPEG or PNG file, for a cover. Raises `SsmphonyError`."""
    try:
        with path.open("rb") as file:
            picture = picture_of(file.read(MAX_PICTURE_BYTES + 1))
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    if picture is None or picture.kind == "gif":
        raise SsmphonyError(f"{path}: a cover must be a JPEG or PNG file of at most {MAX_PICTURE_BYTES >> 20} MiB")
    return picture


def _pictures_next_to(document: Path) -> Pictures:
    """Pictures next to a document or in a folder below it; nothing else is opened, and nothing is fetched."""
    home = document.resolve().parent

    def read(address: str) -> bytes | None:
        try:
            parts = urlsplit(address)
            path = (home / unquote(parts.path)).resolve()
            if parts.scheme or parts.netloc or not path.is_relative_to(home) or not path.is_file():
                return None
            with path.open("rb") as file:
                return file.read(MAX_PICTURE_BYTES + 1)
        except (OSError, ValueError):
            return None

    return Pictures(read)


def _read_html(path: Path, level: int | None) -> Book:
    return _from_html(path, _bytes(path), {}, level)


def _read_markdown(path: Path, level: int | None) -> Book:
    from markdown_it import MarkdownIt  # Rich brings it

    front, text = front_matter(_decoded(path))
    page = MarkdownIt("commonmark").enable("table").render(text)
    return _from_html(path, page.encode("utf-8", "replace"), front, level)


def _from_html(path: Path, data: bytes, front: dict[str, str], level: int | None) -> Book:
    pictures = _pictures_next_to(path)
    walker = Walker(lambda document, address: pictures.key(address))
    walker.read(data, "", str(path), strict=path.suffix.lower() == ".xhtml")
    check_size(walker.blocks, str(path))
    title, chapters = by_headings(walker.blocks, front.get("title") or walker.title, path.stem, level)
    author = front.get("author") or walker.author
    return Book(
        title=title,
        chapters=chapters,
        authors=(author,) if author else (),
        language=language_tag(front.get("lang") or front.get("language") or walker.language),
        pictures=pictures.found,
        details={"date": front["date"]} if "date" in front else {},
    )


def _read_text(path: Path, level: int | None) -> Book:
    blocks = read_plain(_decoded(path), str(path))
    check_size(blocks, str(path))
    title, chapters = by_headings(blocks, "", path.stem, level)
    return Book(title=title, chapters=chapters)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_ENTRY_BYTES + 1)
    if len(data) > MAX_ENTRY_BYTES:
        raise SsmphonyError(f"{path} is larger than {MAX_ENTRY_BYTES >> 20} MiB: split it")
    return data


def _decoded(path: Path) -> str:
    data = _bytes(path)
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SsmphonyError(
            f"{path}, line {line}: not valid UTF-8: save it as UTF-8, or convert it with iconv"
        ) from None


_READERS: dict[str, Callable[[Path, int | None], Book]] = {
    ".epub": read_epub,
    ".docx": read_docx,
    ".html": _read_html,
    ".htm": _read_html,
    ".xhtml": _read_html,
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".txt": _read_text,
}
SUFFIXES = tuple(_READERS)
