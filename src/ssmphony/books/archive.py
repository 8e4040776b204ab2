"""The files inside an EPUB or a DOCX, read within limits. Nothing is unpacked to the disk."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ssmphony.books.book import MAX_PICTURE_BYTES
from ssmphony.types import SsmphonyError

MAX_FILE_BYTES = 1 << 30
"""Of a document on the disk."""
MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 32 << 20
"""Of one file in an archive, unpacked."""
MAX_TOTAL_BYTES = 512 << 20
"""Of all that is read of an archive, unpacked."""
MAX_DEPTH = 256
"""Elements inside each other."""

Attributes = dict[str, str]


class Archive:
    """A ZIP file that may be hostile. Use it in a ``with`` block; raises `SsmphonyError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = MAX_TOTAL_BYTES
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, ValueError):
            raise SsmphonyError(f"{path} is not a {path.suffix.lower()} file, or it is damaged") from None
        if len(self._zip.namelist()) > MAX_ENTRIES:
            raise SsmphonyError(f"{path} holds more than {MAX_ENTRIES:,} files: this is not a book")

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str, limit: int = MAX_ENTRY_BYTES) -> bytes:
        """The contents of a file. What an archive says of its sizes is not trusted."""
        try:
            with self._zip.open(name) as file:
                data = file.read(min(limit, self._left) + 1)
        except KeyError:
            raise SsmphonyError(f"{self.path}: {_shown(name)} is missing in it") from None
        except RuntimeError:  # of zipfile: it takes a password
            raise SsmphonyError(f"{self.path} is encrypted: give a copy without protection") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
            raise SsmphonyError(f"{self.path}: {_shown(name)} in it is damaged") from None
        if len(data) > min(limit, self._left):
            raise SsmphonyError(f"{self.path}: {_shown(name)} in it is too large when unpacked: this is not a book")
        self._left -= len(data)
        return data

    def picture(self, name: str) -> bytes | None:
        """The contents of a picture; None where there is no such file."""
        return self.read(name, MAX_PICTURE_BYTES) if name in self else None

    def xml(self, name: str) -> Element:
        """The root element of a file of XML; see `parse_xml`."""
        return parse_xml(self.read(name), f"{self.path}, {_shown(name)}")


def resolve(base: str, reference: str) -> str:
    """The name in the archive, with its fragment, that ``reference`` in the file ``base`` leads to; empty for others.

    >>> resolve("OEBPS/text/a.xhtml", "../images/b%20c.png#d")
    'OEBPS/images/b c.png#d'
    """
    try:
        parts = urlsplit(reference)
    except ValueError:
        return ""
    if parts.scheme or parts.netloc:
        return ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(parts.path))) if parts.path else base
    return path + (f"#{unquote(parts.fragment)}" if parts.fragment else "")


def read_xml(
    data: bytes,
    where: str,
    start: Callable[[str, Attributes], object],
    end: Callable[[str], object],
    text: Callable[[str], object],
    entity: Callable[[str], object] | None = None,
) -> None:
    """Call the handlers for the elements and the text of a document. Names come without their prefixes.

    Entities cannot be declared and nothing outside is read. ``entity`` gets the names of those that a document type
    elsewhere would declare, such as ``nbsp``.

    Raises:
        SsmphonyError: For a document that declares entities, or nests its elements too deep.
        expat.ExpatError: For a document that is not well-formed.
    """
    depth = 0

    def refuse(*_: object) -> None:
        raise SsmphonyError(f"{where} declares XML entities, which no book needs, and is refused")

    def begin(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise SsmphonyError(f"{where} nests its elements more than {MAX_DEPTH} deep: this is not a book")
        start(_local(name), {_local(key): value for key, value in attributes.items()})

    def finish(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(name))

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, finish, text
    if entity is not None:
        parser.SkippedEntityHandler = lambda name, parameter: entity(name)
    try:
        parser.Parse(data, True)
    except (LookupError, ValueError):  # an encoding that Python does not know
        raise SsmphonyError(f"{where} has an unknown encoding: save it as UTF-8") from None


def parse_xml(data: bytes, where: str) -> Element:
    """A small document as elements; their names and attributes have no prefixes. Raises `SsmphonyError`."""
    builder = TreeBuilder()
    try:
        read_xml(data, where, builder.start, builder.end, builder.data)
        return builder.close()
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise SsmphonyError(f"{where}, line {error.lineno}: not well-formed XML ({reason})") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 100 else repr(name[:100])
