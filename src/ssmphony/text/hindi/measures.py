"""Units after a number: abbreviated or written out, squared or cubed, one per another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from ssmphony.text.hindi import abbreviations, latin, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy


class Unit(NamedTuple):
    """A unit that was read: its words, where it ends, and whether halves and quarters of it are counted so."""

    words: tuple[str, ...]
    end: int
    everyday: bool


class _Row(NamedTuple):
    """Words for one and for many of a unit, and what its table says of it."""

    one: tuple[str, ...]
    many: tuple[str, ...]
    flags: frozenset[str]


def _new(spoken: str, flags: Iterable[str]) -> _Row:
    one, _, many = spoken.partition("|")
    return _Row(tuple(one.split()), tuple((many or one).split()), frozenset(flags))


def _metric() -> Iterator[tuple[str, _Row]]:
    """The units of the metric system by symbol and by English name, alone and with their prefixes."""
    prefixes = tables.rows("unit_prefixes")
    for symbol, spoken, *rest in tables.rows("metric_units"):
        names, taken, *flags = (*rest, "", "")[: max(2, len(rest))]
        flags = ["exact", *flags]
        if "prefixed" not in flags:
            yield symbol, _new(spoken, flags)
        for name in names.split():
            yield from ((name + ending, _new(spoken, {"everyday"}.intersection(flags))) for ending in ("", "s"))
        for short, said, name in prefixes:
            if short[-1].replace("a", "D") in taken:
                kept = {"exact", "everyday"}.intersection(flags)
                yield short + symbol, _new(said + spoken, kept)
                for full in names.split():
                    yield from ((name + full + ending, _new(said + spoken, kept - {"exact"})) for ending in ("", "s"))


UNITS = dict(_metric()) | {row[0]: _new(row[1], row[2:]) for row in tables.rows("units")}
_CAPITALS_COUNT = frozenset("kA mA Pa VA".split())
"""Symbols that are words of Hindi in small letters: 500 ka note."""
_SMALL = {name.lower(): row for name, row in UNITS.items() if len(name) > 1 and name not in _CAPITALS_COUNT}
_POWERS = {"²": "वर्ग", "2": "वर्ग", "³": "घन", "3": "घन"}
_PREFIXES = {
    "sq": "वर्ग",
    "वर्ग": "वर्ग",
    "घन": "घन",
    "व": "वर्ग",
    "घ": "घन",
    "square": "वर्ग",
    "cubic": "घन",
    "cu": "घन",
    "fl": "फ़्लूइड",
}
_UNPOWERED = ("वोल्ट", "वॉट", "एम्पियर", "ग्राम", "लीटर", "हर्ट्ज़")
"""Units that have no square: ½mv² is no area of millivolts."""
_SYMBOLS = frozenset("HNFCO")
"""Units that are elements too: 2 H2 has no square."""
_LATIN = r"°\s?(?:[CFK](?![A-Za-z])|से\.?|फ़ा\.?)|[A-Za-zμΩ]{1,13}\.?"
_FORMS = (
    rf"{DEVANAGARI}{{1,4}}\.\s?{DEVANAGARI}{{1,4}}\.?",
    rf"{DEVANAGARI}{{1,5}}\.",
    rf"{_LATIN}|{DEVANAGARI}{{1,10}}",
)
"""Units as written, the longest first: कि.मी. or कि. मी., मी., km or किमी."""


@cache
def _forms() -> tuple[re.Pattern[str], ...]:
    """Compiled on first use, for a fast import."""
    power = rf"([²³]|\^?[23](?![\d.,]))?(?![A-Za-z\d]|(?<={DEVANAGARI}){DEVANAGARI})"  # 5kgका
    return tuple(
        re.compile(rf"(?:(sq\.?|square|cu\.?|cubic|fl\.?|वर्ग|घन|व\.|घ\.)(?:\s|(?<=\.)))?({name}){power}")
        for name in _FORMS
    )


@cache
def _announced() -> re.Pattern[str]:
    """What is counted by a number before it, so that no unit follows."""
    names = "|".join(row[0] for row in tables.rows("named_by_number"))
    return re.compile(rf"(?:{names})[\s.:-]{{1,3}}[\d.,]+\s?\Z")


_PER = Lazy(r"/|\sper\s")
_INVERSE = Lazy(r"[\s·]?([A-Za-z]{1,4})⁻([¹²³])(?![⁰¹²³⁴⁵⁶⁷⁸⁹])")
_TIMES = ("·", "⋅")
_GAP = Lazy(r"[\s-]?")
_SENTENCE_GOES_ON = Lazy(r"\s(?!x\s?\d)[A-Za-z\d]")
"""What follows the English word "in", where it is no inch: 5 in 1, 3 in a row."""
_STREET = Lazy(r"\s(?i:road|rd|marg|street|nagar|colony|chowk|रोड|मार्ग|नगर|कॉलोनी|चौक)")
_WORD = Lazy(rf"{DEVANAGARI}{{1,15}}")


def unit(text: str, place: int, one: bool = False) -> Unit | None:
    """The unit at ``place``, one space or hyphen before it allowed; its word for ``one`` or for many."""
    gap = _GAP.match(text, place)
    place = gap.end() if gap else place
    if inverse := _inverse(text, place):
        return inverse
    first = _single(text, place, one)
    if first is None:
        return None
    first = _product(text, first)
    if inverse := _inverse(text, first.end):
        return Unit((*first.words, *inverse.words), inverse.end, first.everyday)
    while (per_one := _PER.match(text, first.end)) and (second := _single(text, per_one.end(), one=True)):
        second = _product(text, second)
        first = Unit((*first.words, "प्रति", *second.words), second.end, first.everyday)
    return first


def _product(text: str, first: Unit) -> Unit:
    """A unit times others: N·m, J·s."""
    while text.startswith(_TIMES, first.end) and not _INVERSE.match(text, first.end):
        second = _single(text, first.end + 1, one=True)
        if second is None:
            break
        first = Unit((*first.words, *second.words), second.end, False)
    return first


def _inverse(text: str, place: int) -> Unit | None:
    """A unit with a negative power, as science writes it: m s⁻², mol⁻¹."""
    match = _INVERSE.match(text, place)
    row = _row(match[1]) if match else None
    if not match or not row:
        return None
    power = (_POWERS[match[2]],) if match[2] in _POWERS else ()
    return Unit(("प्रति", *power, *row.one), match.end(), False)


def per(text: str, place: int) -> Unit | None:
    """The unit at ``place``, or any Hindi word there: what stands after the stroke of ₹50/किलो."""
    known = _single(text, place, one=True)
    if known:
        return known
    word = _WORD.match(text, place)
    words = abbreviations.spoken(word[0]) if word else ()
    return Unit(words, word.end(), False) if word and words else None


def _single(text: str, place: int, one: bool = False) -> Unit | None:
    for form in _forms():
        match = form.match(text, place)
        row = _row(match[2]) if match else None
        if match and row and _fits(row, match, text):
            power = _PREFIXES.get((match[1] or "").rstrip(".")) or _POWERS.get((match[3] or "").lstrip("^"))
            words = row.one if one else row.many
            return Unit((power, *words) if power else words, match.end(), "everyday" in row.flags)
    return None


def _fits(row: _Row, match: re.Match[str], text: str) -> bool:
    """Whether what stands around a unit lets it be one."""
    before = text[match.start() - 1 : match.start()]
    loose = "loose" in row.flags and before.isspace()
    if "dotted" in row.flags and not (loose or "." in match[2] or match[3] or "/" in _around(text, match)):
        return False
    if "apart" in row.flags and not (before.isspace() or before in _TIMES or before == "/"):
        return False
    if match[2].isupper() and len(match[2]) > 1 and _STREET.match(text, match.end()):
        return False  # 45, MG Road
    if match[2] == "in" and _SENTENCE_GOES_ON.match(text, match.end()):
        return False
    if match[3] in ("2", "3") and match[2] in _SYMBOLS:
        return False
    if match[3] and before != "/" and row.one[-1:][0].endswith(_UNPOWERED):
        return False
    return "bare" not in row.flags or not _announced().search(text[max(0, match.start() - 30) : match.start()])


def _around(text: str, match: re.Match[str]) -> str:
    """The characters before and after a unit: a stroke makes a bare मी or से one."""
    return text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]


def _row(name: str) -> _Row | None:
    """The row of a unit as written; capital letters matter where the table has both (MW, m)."""
    key = re.sub(r"[.\s]", "", name)
    if key in UNITS or len(key) < 2:
        return UNITS.get(key)
    row = UNITS.get(key.lower()) or _SMALL.get(key.lower())
    return row if row and not ("exact" in row.flags and "apart" in row.flags) else None


def _power(match: re.Match[str], state: Context) -> Said | None:
    """A squared or cubed unit without a number: m²."""
    found = _single(state.text, match.start())
    return (found.words, found.end) if found and found.end == match.end() else None


def _centimetres(match: re.Match[str], state: Context) -> Said | None:
    """सेमी after a number in words; before a noun it is semi (सेमी फ़ाइनल)."""
    counted = state.before(match.start())
    return (("सेंटीमीटर",), match.end()) if counted in numbers.WORDS or counted in _COUNT_WORDS else None


def _length(written: str, state: Context) -> tuple[str, ...]:
    return (state.style.fractions == "everyday" and numbers.quarters(written)) or numbers.decimal(written)


def _feet(match: re.Match[str], state: Context) -> Said | None:
    """6'2" as feet and inches, 32" as inches (not where a quotation closes)."""
    if match["only"]:
        quoted = _QUOTE.search(state.text, max(0, match.start() - 200), match.start())
        return None if quoted else ((*_length(match["only"], state), "इंच"), match.end())
    if not match["inches"] and "'" in state.text[max(0, match.start() - 200) : match.start()]:
        return None
    words = _height(match["feet"], match["inches"])
    last = _HEIGHT_AFTER.match(state.text, match.end())
    return ((*words, "से", *_height(last[1], last[2])), last.end()) if last else (words, match.end())


def _height(feet: str, inches: str | None) -> tuple[str, ...]:
    return (*numbers.integer(feet), "फ़ीट", *((*numbers.integer(inches), "इंच") if inches else ()))


def _angle(match: re.Match[str], state: Context) -> Said:
    """28°36'50"N as degrees, minutes and seconds."""
    words = (*numbers.integer(match[1]), "डिग्री", *numbers.integer(match[2]), "मिनट")
    seconds = (*numbers.decimal(match[3]), "सेकंड") if match[3] else ()
    return (*words, *seconds, *_QUARTERS.get(match[4] or "", ())), match.end()


def _bearing(match: re.Match[str], state: Context) -> Said:
    """28.6°N"""
    return (*numbers.decimal(match[1]), "डिग्री", *_QUARTERS[match[2]]), match.end()


def _fever(match: re.Match[str], state: Context) -> Said:
    """98.6F, 37.5 C: a thermometer has one decimal."""
    scale = "सेल्सियस" if match[2] == "C" else "फ़ारेनहाइट"
    return (*numbers.decimal(match[1]), "डिग्री", scale), match.end()


def _highest_and_lowest(match: re.Match[str], state: Context) -> Said:
    """32/24°C"""
    scale = "सेल्सियस" if match[3] == "C" else "फ़ारेनहाइट"
    return (*numbers.integer(match[1]), "बटा", *numbers.integer(match[2]), "डिग्री", scale), match.end()


def _carats(match: re.Match[str], state: Context) -> Said | None:
    """22K of gold, 18 kt."""
    near = (state.after(match.end()), *state.words_before(match.start()))
    golden = match[2].lower() == "kt" or any(word.lower().startswith(_GOLD) for word in near)
    return ((*numbers.integer(match[1]), "कैरेट"), match.end()) if golden else None


def _ratio_of_units(match: re.Match[str], state: Context) -> Said | None:
    """A unit per another without a number: mg/dL, km/h."""
    found = _single(state.text, match.start())
    per_one = _PER.match(state.text, found.end) if found else None
    second = _single(state.text, per_one.end(), one=True) if per_one else None
    if not found or not second or second.end != match.end():
        return None
    return (*found.words, "प्रति", *second.words), second.end


def _feet_and_inches(match: re.Match[str], state: Context) -> Said:
    """5ft6in, 5ft 6in"""
    return (*numbers.integer(match[1]), "फ़ीट", *numbers.integer(match[2]), "इंच"), match.end()


def _feet_by_feet(match: re.Match[str], state: Context) -> Said:
    """20'x30'"""
    return (*numbers.integer(match[1]), "बाई", *numbers.integer(match[2]), "फ़ीट"), match.end()


def _counted_per(match: re.Match[str], state: Context) -> Said | None:
    """The unit of ₹75,000 प्रति kg."""
    found = _single(state.text, match.start(), one=True)
    return (found.words, found.end) if found and found.end == match.end() else None


def _count_per(match: re.Match[str], state: Context) -> Said | None:
    """8,500 cells/cumm: things that are no unit, in a unit."""
    found = _single(state.text, match.end(), one=True)
    return ((*latin.to_devanagari(match[1]), "प्रति", *found.words), found.end) if found else None


def _stroke(match: re.Match[str], state: Context) -> Said | None:
    """The stroke before a unit that is counted per: रुपये/किलो."""
    found = _single(state.text, match.end())
    return (("प्रति",), match.end()) if found else None


def _before_number(match: re.Match[str], state: Context) -> Said:
    """km 312 of a road"""
    return ("किलोमीटर",), match.end()


_QUARTERS = {"N": ("उत्तर",), "S": ("दक्षिण",), "E": ("पूर्व",), "W": ("पश्चिम",)}
_GOLD = ("सोन", "गोल्ड", "गहन", "आभूषण", "ज्वेल", "ज़ेवर", "जेवर", "gold", "sona", "jewel")
_HEIGHT_AFTER = Lazy(r"\s?[-–]\s?(\d{1,2})['’′](?:\s?(\d{1,2})(?:\"|”|''|″|′′))?(?![\d\w])")
_QUOTE = Lazy(r'(?<!\d)"')
_COUNT_WORDS = frozenset("सौ हज़ार हजार लाख करोड़ डेढ़ ढाई आधा कुछ कई प्रति वर्ग घन".split())
TOKENS = (
    Token("h", rf"सेमी(?!{DEVANAGARI})", _centimetres),
    Token("d", r"(\d{1,3})°\s?(\d{1,2})['’′](?:\s?(\d{1,2}(?:\.\d{1,4})?)[\"”″])?(?:\s?([NSEW])(?![A-Za-z]))?", _angle),
    Token("d", r"(\d{1,3}(?:\.\d{1,6})?)°\s?([NSEW])(?![A-Za-z])", _bearing),
    Token("d", r"(\d{2,3}\.\d)\s?([CF])(?![A-Za-z\d])", _fever),
    Token("d", r"(?<![\d./-])(\d{1,2})/(\d{1,2})\s?°\s?([CF])(?![A-Za-z\d])", _highest_and_lowest),
    Token("d", r"(14|18|2[0-4])\s?([Kk][Tt]?)(?![A-Za-z\d])", _carats),
    Token("d", r"(\d{1,2})\s?ft\.?\s?(\d{1,2})\s?in(?:ch(?:es)?)?(?![A-Za-z])", _feet_and_inches),
    Token("d", r"(\d{1,3})['’′]\s?[xX×]\s?(\d{1,3})['’′](?!\d)", _feet_by_feet),
    Token(
        "d",
        (
            r"(?:(?P<feet>\d{1,3})['’′](?!['’′])(?:\s?(?P<inches>\d{1,2})(?:\"|”|''|″|′′))?(?![\d\w])"
            r"|(?P<only>\d{1,3}(?:\.\d{1,2})?)(?:\"|”|″|′′|'')(?=[\s,.।-]|$))"
        ),
        _feet,
    ),
    Token("lh", (rf"(?:[a-z]{{1,2}}|{DEVANAGARI}{{1,6}})[²³]"), _power),
    Token(
        "l",
        r"(?<![A-Za-z\d/])[kmcnμ]?[gmlL]/(?:h|hr|s|sec|min|[dm]?[lL]|kg|km|day|mol|c?m[²³])(?![A-Za-z\d/])",
        _ratio_of_units,
    ),
    Token("l", r"(?<![A-Za-z\d]\s)(?<!से\s)(?<![A-Za-z\d'’])(?:km|KM|Km)\.?(?=\s?\d)", _before_number),
    Token("l", r"(?<![A-Za-z\d])(cells?|copies|particles|CFU|cfu|IU)/(?=[A-Za-zμ]{2,4})", _count_per),
    Token("l", r"(?<=प्रति\s)[A-Za-zμ]{1,6}(?![A-Za-z\d'’])", _counted_per),
    Token("s", rf"(?:(?<={DEVANAGARI})|(?<={DEVANAGARI}\.))/(?={DEVANAGARI})", _stroke),
)
