"""A document → `Document`, by a parser that refuses document types: no entity can be declared, nothing can grow."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar
from xml.parsers import expat

from ssmphony.errors import SsmphonyError, suggest
from ssmphony.text import phonemes
from ssmphony.text.sentences import CUT
from ssmphony.text.ssml import values
from ssmphony.text.ssml.document import Document, Source, Stretch
from ssmphony.text.ssml.prolog import begin_of
from ssmphony.tokens import Prosody

SayAs = Callable[[str, str, str], str]
"""(text, interpret-as, format) → what is spoken for it. Raises `SsmphonyError` for a kind it does not know."""

MAX_DEPTH = 64
NAMESPACE = "http://www.w3.org/2001/10/synthesis"
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "speak": ("version",),
    "p": (),
    "s": (),
    "break": ("time", "strength"),
    "prosody": ("rate", "pitch", "volume", "range", "contour", "duration"),
    "emphasis": ("level",),
    "say-as": ("interpret-as", "format", "detail", "language"),
    "sub": ("alias",),
    "phoneme": ("alphabet", "ph", "type"),
    "lang": ("onlangfailure",),
    "voice": ("name", "gender", "age", "variant", "languages", "required", "ordering", "onvoicefailure"),
    "mark": ("name",),
    "audio": (
        "src", "fetchtimeout", "fetchhint", "maxage", "maxstale", "clipBegin", "clipEnd", "repeatCount", "repeatDur",
        "soundLevel", "speed",
    ),
    "token": ("role",),
    "w": ("role",),
    "lookup": ("ref",),
    "desc": (),
    "metadata": (),
    "meta": ("name", "http-equiv", "content"),
    "lexicon": ("uri", "type", "fetchtimeout", "maxage", "maxstale"),
}  # fmt: skip
_SILENT = frozenset(("desc", "metadata"))
"""Elements that describe and are not spoken; anything may stand inside."""
_IGNORED = {"prosody": ("range", "contour", "duration"), "audio": ("src",), "lexicon": ("uri",)}
"""What no voice follows; the log says so."""
_REPLACED = {"say-as": "interpret-as", "sub": "alias", "phoneme": "ph"}
"""Elements for whose text something else is spoken, and the attribute that says what."""
_log = logging.getLogger(__name__)
_CLOSING = "।॥.?!…"
_T = TypeVar("_T")


def parse(document: str, say_as: SayAs, phones: bool = True) -> Document:
    """A document as plain text, in which phones stand in brackets; without ``phones``, what a ``<phoneme>`` encloses.

    Raises `SsmphonyError`, with line and column, for what is not well-formed, not known or out of range.
    """
    reader = _Reader(document, say_as, phones)
    try:
        reader.parser.Parse(reader.encoded, True)
    except expat.ExpatError as error:
        raise reader.error(expat.ErrorString(error.code)) from None
    return reader.finish()


class _Element(NamedTuple):
    name: str
    attributes: Mapping[str, str]
    prosody: Prosody
    speaker: str | None
    prefixes: Mapping[str, str]
    """Of names, and the namespaces that they stand for."""


_OUTSIDE = _Element("", {}, Prosody(), None, {"ssml": NAMESPACE})


class _Reader:
    """Takes the parser's events one by one and writes the plain text down."""

    def __init__(self, document: str, say_as: SayAs, phones: bool) -> None:
        begin = begin_of(document)
        self._before = document[:begin]
        self.encoded = document[begin:].encode(errors="replace")
        self.say_as = say_as
        self.phones = phones
        self.found = Document()
        self.pieces: list[str] = []
        self.length = 0
        self.elements: list[_Element] = []
        self.silent = 0
        """How many elements are open inside one that is not spoken, that one included."""
        self.replaced: list[str] | None = None
        """The text so far of an element for which something else is spoken, and below where it stands."""
        self.replaced_span = (0, 0)
        self._known = (0, begin)
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def finish(self) -> Document:
        self.found.text = "".join(self.pieces)
        return self.found

    def error(self, reason: str) -> SsmphonyError:
        line, column = self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1
        if line == 1:
            column += len(self._before) - (self._before.rfind("\n") + 1)
        line += self._before.count("\n")
        return SsmphonyError(f"SSML, line {line}, column {column}: {reason}")

    def _place(self) -> int:
        """The character of the document at which the parser stands."""
        byte, character = self._known
        now = self.parser.CurrentByteIndex
        self._known = (now, character + len(self.encoded[byte:now].decode(errors="replace")))
        return self._known[1]

    def _doctype(self, *_: object) -> None:
        raise self.error("a document type is refused: entities cannot be declared here")

    def _characters(self, text: str) -> None:
        if self.silent:
            return
        place = self._place()
        text = re.sub(r"\s", " ", text)  # line ends of a document are layout; <p> and <s> are those of the text
        if self.replaced is not None:
            self.replaced.append(text)
            self.replaced_span = (min(self.replaced_span[0], place), place + len(text))
        else:
            self._write(text, place, None)

    def _write(self, text: str, start: int, stop: int | None) -> None:
        self.found.sources.append(Source(self.length, start, stop))
        self.pieces.append(text)
        self.length += len(text)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        outer = self.elements[-1] if self.elements else _OUTSIDE
        declared = {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
        prefixes = {**outer.prefixes, **declared} if declared else outer.prefixes
        prefix, _, local = name.rpartition(":")
        if prefix and prefix not in prefixes and not self.silent:
            raise self.error(f'the prefix of <{name}> is not declared: write xmlns:{prefix}="{NAMESPACE}"')
        if prefixes.get(prefix) == NAMESPACE:
            name = local
        if self.silent:
            self.silent += 1
            return
        if name not in _ATTRIBUTES:
            raise self.error(f"unknown element <{name}>{suggest(name, _ATTRIBUTES)}")
        if (name == "speak") != (not self.elements):
            raise self.error("<speak> must enclose everything, once")
        if len(self.elements) >= MAX_DEPTH:
            raise self.error(f"elements stand more than {MAX_DEPTH} deep in each other")
        for key in attributes:
            if key not in _ATTRIBUTES[name] and not key.startswith(("xml", "xsi:")):
                raise self.error(f"<{name}> has no attribute '{key}'{suggest(key, _ATTRIBUTES[name])}")
        for key in _IGNORED.get(name, ()):
            if key in attributes:
                self._warn(f"'{key}' of <{name}> is not followed")
        if self.replaced is not None:
            raise self.error(f"<{name}> cannot stand inside <{self.elements[-1].name}>")
        self._open(name, attributes, outer, prefixes)

    def _open(self, name: str, attributes: dict[str, str], outer: _Element, prefixes: Mapping[str, str]) -> None:
        prosody, speaker = outer.prosody, outer.speaker
        if name == "prosody":
            prosody = values.combine(prosody, self._said(values.prosody, attributes))
        elif name == "emphasis":
            prosody = values.combine(prosody, self._said(values.emphasis, attributes))
        elif name == "voice":
            speaker = attributes.get("name", "").strip() or speaker
        elif name == "break":
            self._cut(self._said(values.pause_s, attributes))
        elif name == "mark":
            self.found.marks.append((self.length, self._needed(name, "name", attributes)))
        elif name in _REPLACED:
            self._needed(name, _REPLACED[name], attributes)
            place = self._place()
            self.replaced, self.replaced_span = [], (place + len(self.encoded), place)
        elif name in _SILENT:
            self.silent = 1
        elif name == "p":
            self._write("\n", self._place(), None)
        self.elements.append(_Element(name, attributes, prosody, speaker, prefixes))
        self._change()

    def _end(self, name: str) -> None:
        self.silent = max(0, self.silent - 1)
        if self.silent:
            return
        element = self.elements[-1]
        if element.name in _REPLACED:
            text, self.replaced = "".join(self.replaced or ()).strip(), None
            start, stop = self.replaced_span
            self._write(self._instead(element, text), min(start, stop), stop)
        elif element.name == "p":
            self._write("\n", self._place(), None)
        elif element.name == "s":
            said = "".join(self.pieces[-8:]).rstrip()
            closing = "। " if said and said[-1] not in _CLOSING else " "
            self._write(closing, self._place(), None)
        self.elements.pop()
        self._change()

    def _change(self) -> None:
        """From here on, what the innermost open element says holds."""
        if self.elements:
            if self.elements[-1].speaker != self.found.stretches[-1].speaker:
                self._cut(0.0)
            now = Stretch(self.length, self.elements[-1].prosody, self.elements[-1].speaker)
            if self.found.stretches[-1].first == self.length:
                self.found.stretches.pop()
            if not self.found.stretches or self.found.stretches[-1][1:] != now[1:]:
                self.found.stretches.append(now)

    def _instead(self, element: _Element, text: str) -> str:
        attributes = element.attributes
        if element.name == "sub":
            return attributes["alias"]
        if element.name == "phoneme":
            alphabet = attributes.get("alphabet", "ipa")
            if alphabet not in ("ipa", "x-sampa"):
                raise self.error(f"alphabet '{alphabet}' is not known: use ipa or x-sampa")
            said = self._phones(attributes["ph"])
            return said if self.phones else text
        try:
            return self.say_as(text, attributes["interpret-as"].strip(), attributes.get("format", "").strip())
        except SsmphonyError as error:  # the standard: then it is spoken as if the element were not there
            self._warn(f"{error}: it is read as plain text")
            return text

    def _phones(self, written: str) -> str:
        try:
            return phonemes.bracket(written.strip())
        except SsmphonyError as error:
            raise self.error(f"ph: {error}") from None

    def _warn(self, reason: str) -> None:
        _log.warning("%s", self.error(reason))

    def _needed(self, name: str, key: str, attributes: Mapping[str, str]) -> str:
        if not attributes.get(key, "").strip():
            raise self.error(f"<{name}> needs the attribute '{key}'")
        return attributes[key]

    def _said(self, reader: Callable[[Mapping[str, str]], _T], attributes: Mapping[str, str]) -> _T:
        try:
            return reader(attributes)
        except ValueError as error:
            raise self.error(str(error)) from None

    def _cut(self, pause_s: float) -> None:
        """End a piece of the sentence here, with a pause after it."""
        self.found.breaks.append((self.length, pause_s))
        self._write(CUT, self._place(), None)
