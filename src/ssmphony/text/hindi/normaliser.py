"""Written Hindi → the words that are spoken, each tied to the place it came from.

One regular expression cuts a sentence into tokens; the kind of a token names the reader that says it. What has no
sound (quotes, other scripts, emoji) yields a reading without words; every Devanagari or Latin letter and every digit
yields at least one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ssmphony.text.hindi import latin, quantities, tables
from ssmphony.text.hindi.context import Context, Said
from ssmphony.text.hindi.graphemes import VISARGA
from ssmphony.text.hindi.quantities import NUMBER
from ssmphony.text.hindi.unicode import VISARGA_STEMS, clean
from ssmphony.text.sentences import Abbreviations


@dataclass(frozen=True)
class Reading:
    """A written token, ``start`` to ``end`` in the source, and the Devanagari ``words`` it is spoken as.

    ``pause`` is ``,`` where the token is a clause mark (then there are no words).
    """

    start: int
    end: int
    words: tuple[str, ...] = ()
    pause: str = ""


SYMBOLS = tables.pairs("symbols")
_ABBREVIATIONS = {row[0]: (tuple(row[1].split()), row[2]) for row in tables.rows("abbreviations")}
_AMBIGUOUS = frozenset(row[1] for row in tables.rows("letter_names") if len(row) > 2)
ABBREVIATIONS = Abbreviations(
    words=frozenset(key for key, (_, kind) in _ABBREVIATIONS.items() if kind != "end"),
    initials=frozenset(latin.LETTER_NAMES.values()) - _AMBIGUOUS,
    ambiguous=_AMBIGUOUS,
)
_SCALE_WORDS = "हज़ार|हजार|लाख|करोड़|अरब|खरब|मिलियन|बिलियन|million|billion|crore|lakh"
_ORDINAL = "व(?:ीं|ें|ाँ|ां|ी|े|ा)|ठ[ाीे]|र[ाीे]|ल[ाीे]|थ[ाीे]"

_SILENT = "\u0900\u0901\u0902\u0903\u093c\u093d\u094d\u0951\u0952\u0953\u0954\u0971"
_DEVANAGARI = r"[\u0900-\u0903\u0905-\u0963\u0971-\u097f]"
_PHONE = (
    r"\+\d{1,3}[\ -]?\d{3,5}[\ -]?\d{4,6}|\d{5}[\ -]\d{5}|0\d{2,4}[\ -]\d{6,8}|\d{3}-\d{3}-\d{4}"
    r"|1800[\ -]\d{2,3}[\ -]\d{3,4}|\d{10,}(?<!000)"
)
_TOKEN = re.compile(
    rf"""
    (?P<time>\b\d{{1,2}}:[0-5]\d(?::[0-5]\d)?(?!\d)(?:\s*(?:[AaPp]\.?[Mm]\b\.?))?(?:\s*बजे(?!{_DEVANAGARI}))?)
  | (?P<date>\b(?:\d{{1,2}}[/.\-]\d{{1,2}}[/.\-](?:\d{{4}}|\d{{2}})|\d{{4}}-\d{{1,2}}-\d{{1,2}})(?!\d))
  | (?P<phone>(?<![\d.,])(?:{_PHONE})(?![\d,]|\.\d))
  | (?P<currency>(?:₹|रु\.?(?!{_DEVANAGARI})|\bR[sS]\.?|\$|€|£|¥)\s*(?:{NUMBER})
      (?:\s*(?:{_SCALE_WORDS})(?!{_DEVANAGARI}))?)
  | (?P<ordinal>\b(?:\d{{1,18}})\s?-?(?:{_ORDINAL})(?!{_DEVANAGARI})|\b\d{{1,9}}(?:st|nd|rd|th)\b)
  | (?P<number>(?:(?<![\w\d])[-−+])?(?:{NUMBER}))
  | (?P<dotted>(?:{_DEVANAGARI}{{1,4}}\.){{1,6}}(?:{_DEVANAGARI}{{1,3}}(?!{_DEVANAGARI})\.?)?)
  | (?P<colon>(?<={_DEVANAGARI})\u0903(?!{_DEVANAGARI}))
  | (?P<word>{_DEVANAGARI}+)
  | (?P<latin>[A-Za-z]+(?:['’][A-Za-z]+)?)
  | (?P<dash>\s+[-–—−]+\s+|(?<=[^\s])[-–—]+\s+|[–—]+)
  | (?P<pause>[,،、;:()\[\]{{}}…]|\.\.+)
  | (?P<symbol>[{re.escape("".join(SYMBOLS))}])
    """,
    re.VERBOSE,
)


def read(sentence: str) -> list[Reading]:
    """Readings of one sentence in order; offsets are into ``sentence``. Linear in its length; never raises."""
    state = Context(clean(sentence))
    readings: list[Reading] = []
    text = state.cleaned.text
    place = 0
    while match := _TOKEN.search(text, place):
        kind = match.lastgroup or "pause"
        words, stop = _READERS[kind](match, state)
        start, end = state.cleaned.span(match.start(), max(stop, match.start() + 1))
        if words:
            _append(readings, Reading(start, end, words))
        elif kind in ("pause", "dash", "colon"):
            _append(readings, Reading(start, end, pause=","))
        place = max(stop, match.start() + 1)
    return readings


def _append(readings: list[Reading], new: Reading) -> None:
    """Add a reading; where one source character gave several tokens (㎧), their words share its span."""
    last = readings[-1] if readings else Reading(0, 0)
    if new.start >= last.end:
        readings.append(new)
    elif new.words and last.words:
        readings[-1] = Reading(last.start, max(last.end, new.end), last.words + new.words)
    elif new.end > last.end or new.pause:
        readings.append(Reading(min(last.end, new.end), new.end, new.words, new.pause))


_Reader = Callable[[re.Match[str], Context], Said]


def _dotted(match: re.Match[str], state: Context) -> Said:
    """डॉ. or कि.मी. in full; बी.जे.पी. by its letters; a plain word with a dot as that word."""
    key = match[0].rstrip(".")
    for candidate in (key, key.replace(".", "")):
        if candidate in _ABBREVIATIONS and _ABBREVIATIONS[candidate][0]:
            return _ABBREVIATIONS[candidate][0], match.end()
    first = match[0].partition(".")[0]
    if first in _ABBREVIATIONS and _ABBREVIATIONS[first][0]:
        return _ABBREVIATIONS[first][0], match.start() + len(first) + 1
    return _word_parts(first), match.start() + len(first)


def _word(match: re.Match[str], state: Context) -> Said:
    if match[0].endswith(VISARGA) and match[0][:-1] not in VISARGA_STEMS:
        return _word_parts(match[0][:-1]), match.end() - 1  # a visarga typed for a colon, as headlines do: दिल्लीः
    spoken, kind = _ABBREVIATIONS.get(match[0], ((), ""))
    return (spoken if spoken and kind == "title" else _word_parts(match[0])), match.end()


def _word_parts(word: str) -> tuple[str, ...]:
    """A Devanagari word without its silent signs; lone signs are spoken as the vowels they write."""
    return (word,) if word.strip(_SILENT) else ()


def _latin(match: re.Match[str], state: Context) -> Said:
    word = match[0].replace("’", "'")
    spoken, kind = _ABBREVIATIONS.get(word.lower(), ((), ""))
    dotted = state.cleaned.text.startswith(".", match.end())
    if spoken and (kind == "title" or dotted) and word != word.upper():
        return spoken, match.end() + dotted
    return latin.to_devanagari(word), match.end()


def _symbol(match: re.Match[str], state: Context) -> Said:
    return tuple(SYMBOLS[match[0]].split()), match.end()


def _silent(match: re.Match[str], state: Context) -> Said:
    return (), match.end()


_READERS: dict[str, _Reader] = {
    "time": quantities.time,
    "date": quantities.date,
    "phone": quantities.phone,
    "currency": quantities.currency,
    "ordinal": quantities.ordinal,
    "number": quantities.number,
    "dotted": _dotted,
    "word": _word,
    "latin": _latin,
    "colon": _silent,
    "dash": _silent,
    "pause": _silent,
    "symbol": _symbol,
}
