"""Cut text into sentences, lazily, in constant memory, with offsets into the original text.

Every decision depends only on the characters of the sentence and the few after its end, never on how the text
arrives: pieces of any size give the same sentences. A sentence without an end is cut at ``MAX_CHARACTERS``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 1200
CUT = "\x1f"
"""Ends a piece as a clause ends, wherever it stands: for markup. Python and Unicode count it as white space."""
_BLOCK = 8192
_LINE_ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
ENDS = re.compile(rf"[{CUT}{_LINE_ENDS}।॥?？!！‼⁇⁈⁉…。.．|؟۔]")
"""What may end a sentence; whether it does depends on what stands around it."""
_RUN = re.compile(
    r"[।॥?？!！‼⁇⁈⁉…。.．|؟۔]+[\"'”’»›)\]}）」』।॥?？!！‼⁇⁈⁉…。.．|؟۔]*(?:\[(?:\d{1,3}|[a-zक-ह])\]|[⁰¹²³⁴⁵⁶⁷⁸⁹]){0,9}"
)
"""Marks with the quotation marks and brackets they close, and the numbers of notes: है।[1][2]"""
_DOTS = ".．"
CLAUSE = re.compile(r"[,;:،、—–)\]](?=\s)")
"""The mark that ends a clause; a blank stands after it."""
_SPACE = re.compile(r"\s")
_ITEM = re.compile(r"[ivx]{2,4}|[IVX]{2,4}")
_DAYS = re.compile(r"\d+(?:[-–.]\d+)?")
"""A Roman numeral before the first item of a line."""
_FIGURES = re.compile(r"\s\d{1,2}(?:\d\d)?(?!\d)")
_FACTOR = re.compile(r"(?:\d|(?<![A-Za-z])[a-z]|\))\Z")
_FORMULA = re.compile(r"\s?(?:[-=+×÷*/≤≥≠−]|(?:का|की|के|को|में|से|और|व|तथा|बराबर)(?![\u0900-\u097f]))")
_MEASURED = re.compile(r"[\d½¼¾][^\s]*(?:\s(?:sq\.|cu\.|per))?\s?[A-Za-zμ/]+\Z")
"""A number and the symbol of a unit."""
_MEASURED_REACH = 24
"""The longest row of characters in which `_MEASURED` is looked for."""
_GOES_ON = re.compile(r"[\"'”’»›)\]}]*[ \u00a0](?=\S)([\u0900-\u0963]*)")
_AHEAD = 8
"""So many characters after a mark tell whether a formula, a note or the same sentence goes on there."""
_CLOSERS = "\"'”’»›)]}）」』"
_OPENERS = "\"'“‘«‹([{（"


@dataclass(frozen=True)
class Abbreviations:
    """Written forms, without their last dot, after which an ASCII dot does not end a sentence.

    ``words`` never end one; ``initials`` (names of letters: ए. पी. जे.) end none either, except those that are
    also everyday words, ``ambiguous``: they do unless they begin the sentence, or another initial or abbreviation
    stands before them. ``dated`` (12 जन.) end none after a number, ``months`` (दिस. 2023) none before one, ``units``
    (5 kg.) none after a number, unless the next word is one of ``openings``, which mostly begin a sentence.
    """

    words: Collection[str] = ()
    initials: Collection[str] = ()
    ambiguous: Collection[str] = ()
    dated: Collection[str] = ()
    months: Collection[str] = ()
    units: Collection[str] = ()
    openings: Collection[str] = ()


@dataclass(frozen=True)
class Sentence:
    """``text`` is the caller's text from ``start`` to ``end``, closing marks included.

    ``mark`` is how it closes: one of ``.`` ``?`` ``!`` ``…``, ``,`` for an over-long text that was cut, or nothing
    where a line or the text ends without a mark; ``line_end`` tells that a line ends after it.
    """

    text: str
    start: int
    mark: str
    line_end: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass
class _Scanner:
    """The text between the last end and the newest piece. ``searched`` has no end before it."""

    abbreviations: Abbreviations
    buffer: str = ""
    offset: int = 0
    searched: int = 0

    def feed(self, piece: str, final: bool) -> Iterator[Sentence]:
        self.buffer += piece
        while True:
            self._skip_space()
            found = self._find_end(final)
            if found is None:
                return
            stop, mark = found
            text = self.buffer[:stop].rstrip()
            stop = self._swallow_line_end(stop)
            yield Sentence(text, self.offset, mark, line_end=self.buffer[stop - 1] in _LINE_ENDS)
            self._drop(stop)

    def _drop(self, count: int) -> None:
        self.buffer = self.buffer[count:]
        self.offset += count
        self.searched = 0

    def _skip_space(self) -> None:
        blank = len(self.buffer) - len(self.buffer.lstrip())
        if blank:
            self._drop(blank)

    def _swallow_line_end(self, stop: int) -> int:
        """A line end right after the closing mark belongs to the sentence."""
        return stop + 1 if stop < len(self.buffer) and self.buffer[stop] in _LINE_ENDS else stop

    def _find_end(self, final: bool) -> tuple[int, str] | None:
        """Where the first sentence of the buffer stops and its mark; None when more text is needed."""
        window = self.buffer[: MAX_CHARACTERS + 1]
        final = final and len(window) == len(self.buffer)
        for match in ENDS.finditer(window, self.searched):
            begin = match.start()
            if window[begin] == CUT:
                return begin, ","
            if window[begin] in _LINE_ENDS:
                return begin, ""
            run = _RUN.match(window, begin)
            stop = run.end() if run else begin + 1
            ahead = _AHEAD if _needs_more(window, begin, stop) else 0
            if stop + ahead >= len(window) and not final:
                if len(window) > MAX_CHARACTERS:
                    break
                self.searched = begin
                return None
            if _is_end(window, begin, stop, self.abbreviations):
                return stop, _mark(window[begin:stop])
        if len(window) > MAX_CHARACTERS:
            return _forced_cut(window), ","
        if final and window:
            return len(window), ""
        self.searched = max(self.searched, len(window))
        return None


def cut(text: str | Iterable[str], abbreviations: Abbreviations | None = None) -> Iterator[Sentence]:
    """Sentences of ``text``, as soon as their end is certain; blank ones are left out.

    >>> [sentence.text for sentence in cut(["डॉ. राम आए। क्", "या?"], Abbreviations({"डॉ"}))]
    ['डॉ. राम आए।', 'क्या?']
    """
    scanner = _Scanner(abbreviations or Abbreviations())
    pieces = (text[i : i + _BLOCK] for i in range(0, len(text), _BLOCK)) if isinstance(text, str) else text
    for piece in pieces:
        for start in range(0, len(piece), _BLOCK):
            yield from scanner.feed(piece[start : start + _BLOCK], final=False)
    yield from scanner.feed("", final=True)


def _mark(run: str) -> str:
    for marks, mark in (("?？⁇⁈⁉؟", "?"), ("!！‼", "!"), ("…", "…")):
        if any(character in marks for character in run):
            return mark
    return "…" if run.count(".") > 1 else "."


def _is_end(window: str, begin: int, stop: int, abbreviations: Abbreviations) -> bool:
    """Whether the run of marks window[begin:stop] closes a sentence; what follows it is known."""
    before = window[begin - 1] if begin else ""
    after = window[stop] if stop < len(window) else ""
    first = window[begin]
    if first in "?!" and after.isascii() and after.isalnum() and before.isascii() and before.isalnum():
        return False  # a query in a web address
    if first == "!" and (after == "=" or before == "<" or _is_factorial(window, begin, stop)):
        return False  # x != y, <!-- a comment -->, 5! = 120
    if first == "|":
        return bool(before) and "\u0900" <= window[:begin].rstrip()[-1:] <= "\u097f"
    if first not in _DOTS:
        return True
    if after and not after.isspace():
        return window[begin:stop].strip(_DOTS) != "" or (stop - begin > 1 and not after.isalnum())
    return len(window[begin:stop].rstrip(_CLOSERS)) > 1 or not _is_abbreviation(window, begin, abbreviations)


def _needs_more(window: str, begin: int, stop: int) -> bool:
    """Whether more than one character after the marks window[begin:stop] must be known."""
    if window[stop : stop + 1] == "[":
        return True
    if window[begin] in _DOTS:
        return bool(_MEASURED.search(window, max(0, begin - _MEASURED_REACH), begin))
    return window[begin] == "!" and bool(_FACTOR.search(window, max(0, begin - 3), begin))


def _is_factorial(window: str, begin: int, stop: int) -> bool:
    """Whether a formula or a postposition goes on after the mark of a number or a variable."""
    return bool(_FACTOR.search(window, max(0, begin - 3), begin) and _FORMULA.match(window, stop))


def _is_abbreviation(window: str, dot: int, abbreviations: Abbreviations) -> bool:
    """Whether the dot belongs to the word before it: an abbreviation, an initial, the number of a list item."""
    words = window[max(0, dot - 60) : dot].split()
    if not words or window[dot - 1].isspace():
        return False
    word = words[-1].lstrip(_OPENERS)
    if "°" in word:
        return False  # 37°C.
    if len(words) == 1 and ((dot <= 4 and (word.isdecimal() or len(word) == 1)) or _ITEM.fullmatch(word)):
        return True
    last = re.split(r"[.,\-/\d°]", word)[-1]
    if word in abbreviations.words or word.lower() in abbreviations.words or last in abbreviations.words:
        return True
    parts = word.split(".")
    if len(parts) > 1 and all(0 < len(part) < 4 and not part.isdecimal() for part in parts):
        return True  # भा.ज.पा.
    if len(last) == 1 and last.isascii() and last.isupper():
        return True
    if last in abbreviations.dated and len(words) > 1 and _DAYS.fullmatch(words[-2]):
        return True
    if last in abbreviations.months and _FIGURES.match(window, dot + 1):
        return True
    if last.lower() in abbreviations.units and _MEASURED.search(window, max(0, dot - _MEASURED_REACH), dot):
        following = _GOES_ON.match(window, dot + 1)
        return bool(following and following[1] not in abbreviations.openings)
    if last in abbreviations.ambiguous:
        return len(words) == 1 or words[-2].endswith(".") or last != word
    return last in abbreviations.initials


def _forced_cut(window: str) -> int:
    """Where to cut a text without an end: after the last clause mark, else the last space, else between letters."""
    half = MAX_CHARACTERS // 2
    for pattern in (CLAUSE, _SPACE):
        cuts = [match.end() for match in pattern.finditer(window, half, MAX_CHARACTERS)]
        if cuts:
            return cuts[-1]
    stop = MAX_CHARACTERS
    while stop > half and unicodedata.category(window[stop])[0] in "MC":
        stop -= 1
    return stop if stop > half else MAX_CHARACTERS
