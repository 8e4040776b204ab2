"""Written Hindi → the words that are spoken, each tied to the place it came from.

One regular expression cuts a sentence into tokens; the kind of a token names the reader that says it. What has no
sound (quotes, other scripts, emoji) yields a reading without words; every Devanagari or Latin letter and every digit
yields at least one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ssmphony.text.hindi import latin, numbers, tables
from ssmphony.text.hindi.unicode import Cleaned, clean
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
UNITS = {row[0]: tuple(row[1].split()) for row in tables.rows("units")}
_ABBREVIATIONS = {row[0]: (tuple(row[1].split()), row[2]) for row in tables.rows("abbreviations")}
_AMBIGUOUS = frozenset(row[1] for row in tables.rows("letter_names") if len(row) > 2)
ABBREVIATIONS = Abbreviations(
    words=frozenset(key for key, (_, kind) in _ABBREVIATIONS.items() if kind != "end"),
    initials=frozenset(latin.LETTER_NAMES.values()) - _AMBIGUOUS,
    ambiguous=_AMBIGUOUS,
)
_CURRENCY = {"₹": ("रुपया", "रुपये", "पैसे"), "$": ("डॉलर", "डॉलर", "सेंट"), "€": ("यूरो", "यूरो", "सेंट"),
             "£": ("पाउंड", "पाउंड", "पेंस"), "¥": ("येन", "येन", "")}  # fmt: skip
_SCALE_WORDS = "हज़ार|हजार|लाख|करोड़|अरब|खरब|मिलियन|बिलियन|million|billion|crore|lakh"
_ORDINAL = "व(?:ीं|ें|ाँ|ां|ी|े|ा)|ठ[ाीे]|र[ाीे]|ल[ाीे]|थ[ाीे]"
_PHONE_WORDS = frozenset("फोन फ़ोन मोबाइल हेल्पलाइन पिन पिनकोड कोड नंबर नम्बर ओटीपी".split())
_YEAR_BEFORE = frozenset("सन सन् वर्ष साल ईस्वी संवत".split()) | frozenset(numbers.MONTHS) | {"फरवरी", "दिसम्बर", "सितम्बर", "नवम्बर"}
_YEAR_BEHIND = frozenset("में से तक के की का ई ईस्वी वाले वाली".split())

_NUMBER = r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+\.\d+(?![\d.])|\d+"
_DEVANAGARI = r"[\u0900-\u0903\u0905-\u0963\u0971-\u097f]"
_TOKEN = re.compile(
    rf"""
    (?P<time>\b\d{{1,2}}:[0-5]\d(?::[0-5]\d)?(?!\d)(?:\s*(?:[AaPp]\.?[Mm]\b\.?))?(?:\s*बजे(?!{_DEVANAGARI}))?)
  | (?P<date>\b(?:\d{{1,2}}[/.\-]\d{{1,2}}[/.\-](?:\d{{4}}|\d{{2}})|\d{{4}}-\d{{1,2}}-\d{{1,2}})(?!\d))
  | (?P<phone>(?<![\d.,])(?:\+\d{{1,3}}[ -]?\d{{3,5}}[ -]?\d{{4,6}}|\d{{5}}[ -]\d{{5}}|0\d{{2,4}}[ -]\d{{6,8}}|\d{{3}}-\d{{3}}-\d{{4}}
      |1800[ -]\d{{2,3}}[ -]\d{{3,4}}|\d{{10,}}(?<!000))(?![\d,]|\.\d))
  | (?P<currency>(?:₹|रु\.?(?!{_DEVANAGARI})|\bR[sS]\.?|\$|€|£|¥)\s*(?:{_NUMBER})(?:\s*(?:{_SCALE_WORDS})(?!{_DEVANAGARI}))?)
  | (?P<ordinal>\b(?:\d{{1,18}})\s?-?(?:{_ORDINAL})(?!{_DEVANAGARI})|\b\d{{1,9}}(?:st|nd|rd|th)\b)
  | (?P<number>(?:(?<![\w\d])[-−+])?(?:{_NUMBER}))
  | (?P<dotted>(?:{_DEVANAGARI}{{1,4}}\.){{1,6}}(?:{_DEVANAGARI}{{1,3}}(?!{_DEVANAGARI})\.?)?)
  | (?P<word>{_DEVANAGARI}+)
  | (?P<latin>[A-Za-z]+(?:['’][A-Za-z]+)?)
  | (?P<dash>\s+[-–—−]+\s+|(?<=[^\s])[-–—]+\s+|[–—]+)
  | (?P<pause>[,،、;:()\[\]{{}}…]|\.\.+)
  | (?P<symbol>[{re.escape("".join(SYMBOLS))}])
    """,
    re.VERBOSE,
)


@dataclass
class _Sentence:
    """A cleaned sentence and how far it is read; readers look around in it."""

    cleaned: Cleaned
    readings: list[Reading]

    def before(self, place: int) -> str:
        words = self.cleaned.text[max(0, place - 40) : place].split()
        return words[-1].strip(":-,.()") if words else ""

    def behind(self, place: int) -> str:
        words = re.split(r"[\s.,।?!]+", self.cleaned.text[place : place + 40].lstrip(), maxsplit=1)
        return words[0] if words else ""


def read(sentence: str) -> list[Reading]:
    """Readings of one sentence in order; offsets are into ``sentence``. Linear in its length; never raises."""
    state = _Sentence(clean(sentence), [])
    text = state.cleaned.text
    place = 0
    while match := _TOKEN.search(text, place):
        kind = match.lastgroup or "pause"
        words, stop = _READERS[kind](match, state)
        start, end = state.cleaned.span(match.start(), max(stop, match.start() + 1))
        if words:
            state.readings.append(Reading(start, end, words))
        elif kind in ("pause", "dash"):
            state.readings.append(Reading(start, end, pause=","))
        place = max(stop, match.start() + 1)
    return state.readings


_Reader = Callable[[re.Match[str], _Sentence], tuple[tuple[str, ...], int]]


def _time(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    hour, minute = (int(part) for part in re.findall(r"\d+", match[0])[:2])
    if hour > 24:
        return (*numbers.cardinal(hour), *numbers.cardinal(minute)), match.end()
    words = numbers.clock(hour, minute)
    marker = re.search(r"([AaPp])\.?[Mm]", match[0])
    if marker:
        words = ("सुबह" if marker[1] in "Aa" else "दोपहर" if hour in (12, 1, 2, 3) else "शाम" if hour < 8 else "रात", *words)
    return words, match.end()


def _date(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    parts = [int(part) for part in re.findall(r"\d+", match[0])]
    day, month, year = reversed(parts) if parts[0] > 31 else parts
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return tuple(word for part in re.findall(r"\d+", match[0]) for word in numbers.integer(part)), match.end()
    said = numbers.year(year) if year > 99 else numbers.cardinal(year)
    return (*numbers.cardinal(day), numbers.MONTHS[month - 1], *said), match.end()


def _phone(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    return (("प्लस",) if match[0].startswith("+") else ()) + numbers.digits(match[0]), match.end()


def _currency(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    sign = match[0][0] if match[0][0] in _CURRENCY else "₹"
    one, many, parts = _CURRENCY[sign]
    number = re.search(_NUMBER, match[0])
    written = number[0] if number else "0"
    scale = match[0][number.end() :].strip() if number else ""
    if scale:
        spoken = latin.to_devanagari(scale) if scale.isascii() else (scale,)
        return (*numbers.decimal(written), *spoken, many), match.end()
    whole, _, fraction = written.partition(".")
    words = (*numbers.decimal(whole), one if whole == "1" else many)
    if len(fraction) == 2 and parts and int(fraction):
        return (*words, *numbers.cardinal(int(fraction)), parts), match.end()
    return words if not fraction or not int(fraction[:9]) else (*numbers.decimal(written), many), match.end()


def _ordinal(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    number = re.match(r"\d+", match[0])
    digits = number[0] if number else "0"
    suffix = match[0][len(digits) :].strip(" -")
    if suffix.isascii():
        suffix = {1: "ला", 2: "रा", 3: "रा", 4: "था", 6: "ठा"}.get(int(digits), "वाँ")
    return numbers.ordinal(int(digits), suffix.replace("ां", "ाँ")), match.end()


def _number(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    """A number, with the unit, percent sign, range, fraction or year that its neighbours make of it."""
    text, stop = state.cleaned.text, match.end()
    written = match[0].lstrip("-−+")
    sign = {"-": ("माइनस",), "−": ("माइनस",), "+": ("प्लस",)}.get(match[0][0], ())
    words = sign + _plain_number(written, match.start(), stop, state)
    unit = re.compile(r"\s?(°[CFcf]|[A-Za-z]+(?:/h|²)?|[\u0900-\u0963]+/[\u0900-\u0963]+)(?![A-Za-z\d])").match(text, stop)
    if unit and unit[1].lower() in UNITS and (len(unit[1]) > 1 or not unit[1].isupper()):
        return (*words, *UNITS[unit[1].lower()]), unit.end()
    link = re.compile(r"\s?([-–/⁄xX×:])\s?(\d{1,9})(?![\d:/⁄.,-])").match(text, stop)
    if link and written.isdigit() and len(written) <= 9:
        other = link[2]
        if link[1] in "/⁄":
            return _fraction(words, written, other), link.end()
        if link[1] in "-–":
            upward = int(written) < int(other) or (len(written) == len(other) and written <= other)
            between = ("से",) if upward and not text[stop : stop + 1].isspace() else ()
            return (*words, *between, *numbers.integer(other)), link.end()
        if link[1] in "xX×":
            return (*words, "गुणा", *numbers.integer(other)), link.end()
    return words, stop


def _fraction(words: tuple[str, ...], above: str, below: str) -> tuple[str, ...]:
    simple = {("1", "2"): ("आधा",), ("1", "4"): ("एक", "चौथाई"), ("3", "4"): ("तीन", "चौथाई"), ("1", "3"): ("एक", "तिहाई")}
    return simple.get((above, below)) or (*words, "बटा", *numbers.integer(below))


def _plain_number(written: str, start: int, stop: int, state: _Sentence) -> tuple[str, ...]:
    before, behind = state.before(start), state.behind(stop)
    if written.isdigit() and len(written) >= 4 and before in _PHONE_WORDS:
        return numbers.digits(written)
    if written.isdigit() and len(written) == 4 and (before in _YEAR_BEFORE or behind in _YEAR_BEHIND):
        return numbers.year(int(written))
    return numbers.decimal(written)


def _dotted(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    """डॉ. or कि.मी. in full; बी.जे.पी. by its letters; a plain word with a dot as that word."""
    key = match[0].rstrip(".")
    for candidate in (key, key.replace(".", "")):
        if candidate in _ABBREVIATIONS and _ABBREVIATIONS[candidate][0]:
            return _ABBREVIATIONS[candidate][0], match.end()
    first = match[0].partition(".")[0]
    if first in _ABBREVIATIONS and _ABBREVIATIONS[first][0]:
        return _ABBREVIATIONS[first][0], match.start() + len(first) + 1
    return _word_parts(first), match.start() + len(first)


def _word(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    spoken, kind = _ABBREVIATIONS.get(match[0], ((), ""))
    return (spoken if spoken and kind == "title" else _word_parts(match[0])), match.end()


def _word_parts(word: str) -> tuple[str, ...]:
    """A Devanagari word without its silent signs; lone signs are spoken as the vowels they write."""
    return (word,) if word.strip("\u0900\u0950ऽ\u0951\u0952\u0953\u0954\u093c\u094d\u0901\u0902\u0903\u0971") or "ॐ" in word else ()


def _latin(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    word = match[0].replace("’", "'")
    spoken, kind = _ABBREVIATIONS.get(word.lower(), ((), ""))
    dotted = state.cleaned.text.startswith(".", match.end())
    if spoken and (kind == "title" or dotted) and word != word.upper():
        return spoken, match.end() + dotted
    return latin.to_devanagari(word), match.end()


def _symbol(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    return tuple(SYMBOLS[match[0]].split()), match.end()


def _silent(match: re.Match[str], state: _Sentence) -> tuple[tuple[str, ...], int]:
    return (), match.end()


_READERS: dict[str, _Reader] = {
    "time": _time,
    "date": _date,
    "phone": _phone,
    "currency": _currency,
    "ordinal": _ordinal,
    "number": _number,
    "dotted": _dotted,
    "word": _word,
    "latin": _latin,
    "dash": _silent,
    "pause": _silent,
    "symbol": _symbol,
}
