"""Times of day: 8:45 बजे, 10:30 AM, 14:30, 9:30-18:00."""

from __future__ import annotations

import re
from typing import NamedTuple

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_HALF = r"(?:[AaPp]\.?[Mm]\b\.?)"
_CLOCK = rf"(\d{{1,2}})(?:([:.])([0-5]\d)(?::([0-5]\d))?)?(?![\d])(?:\s?({_HALF}))?"
_TAIL = rf"(?:\s?(बजे|hrs|HRS)(?![A-Za-z]|{DEVANAGARI}))?"
PARTS_OF_DAY = frozenset("सुबह सवेरे तड़के भोर प्रातः प्रात दोपहर शाम सायं सायंकाल रात रात्रि".split())
_BEFORE_TIME = frozenset(("समय", "टाइम", "time"))
_AFTER_TIME = frozenset(("", "पर", "से", "तक", "है", "को", "का"))
_PAIRED = frozenset(row[0] for row in tables.rows("paired_words"))
"""Words that say of two numbers with a colon that they are no time: अनुपात, स्कोर, घोल."""


class Clock(NamedTuple):
    """A time of day as written; ``half`` is AM or PM, ``point`` the sign between hour and minute."""

    hour: int
    minute: int
    second: int | None
    half: str
    point: str

    def words(self, everyday: bool, first: bool = False) -> tuple[str, ...]:
        """Up to बजे, which the first of two times leaves to the second."""
        said = clock(self.hour, self.minute, everyday)
        if self.second is not None:
            said = (*clock(self.hour, self.minute, False), *numbers.cardinal(self.second), "सेकंड")
            said = said if self.minute else (*said[:1], "बजकर", *said[2:])
        return said[:-1] if first and said[-1] == "बजे" else said

    @property
    def part_of_day(self) -> tuple[str, ...]:
        return (_part_of_day(self.hour, self.half[0] in "Aa"),) if self.half else ()


def clock(hour: int, minute: int, everyday: bool = True) -> tuple[str, ...]:
    """A clock time up to बजे: (8, 45) → पौने नौ बजे, (2, 30) → ढाई बजे, (9, 5) → नौ बजकर पाँच मिनट.

    From 13 o'clock on, as timetables have it, and where not ``everyday``, the minutes are counted.
    """
    if minute == 0:
        return (*numbers.cardinal(hour), "बजे") if hour else ("रात", "बारह", "बजे")
    if not everyday or not 1 <= hour <= 12 or minute not in (15, 30, 45):
        return (*numbers.cardinal(hour), "बजकर", *numbers.cardinal(minute), "मिनट")
    if minute == 30 and hour in (1, 2):
        return ("डेढ़" if hour == 1 else "ढाई", "बजे")
    if minute == 45:
        return ("पौने", *numbers.cardinal(hour % 12 + 1), "बजे")
    return ("सवा" if minute == 15 else "साढ़े", *numbers.cardinal(hour), "बजे")


def _part_of_day(hour: int, morning: bool) -> str:
    if morning:
        return "रात" if hour == 12 or hour < 4 else "सुबह"
    return "दोपहर" if hour in (12, 1, 2, 3) else "शाम" if hour < 8 else "रात"


def _parse(match: re.Match[str], group: int) -> Clock | None:
    hour, minute = int(match[group]), int(match[group + 2] or 0)
    second = int(match[group + 3]) if match[group + 3] else None
    if hour > 24:
        return None
    return Clock(hour, minute, second, match[group + 4] or "", match[group + 1] or "")


def _is_time(time: Clock, tail: str | None) -> bool:
    return bool(tail or time.half or time.point == ":")


def _one(match: re.Match[str], state: Context) -> Said | None:
    time = _parse(match, 1)
    if _GROUP.match(state.text, match.end()):
        return None  # 1:50,000
    if not (match[5] or match[6]) and paired(match, state):
        return None
    if time and time.point == "." and not match[6] and not time.half and time.hour and _after_part(match, state):
        return time.words(state.style.clock == "everyday"), match.end()
    if time is None or not _is_time(time, match[6]) or (match[6] and not (time.point or time.half)):
        return None
    if time.point == "." and not time.half and match[6] != "बजे":
        return None
    if time.hour == 0 and time.second is not None and not (time.half or match[6]):  # 00:45:30, a length
        minutes = (*numbers.cardinal(time.minute), "मिनट") if time.minute else ()
        return (*minutes, *numbers.cardinal(time.second), "सेकंड"), match.end()
    words = time.words(state.style.clock == "everyday")
    if words[0] in PARTS_OF_DAY:  # midnight
        return (words[1:] if state.before(match.start()) in PARTS_OF_DAY else words), match.end()
    return (*_day(time, match.start(), state), *words), match.end()


def _zone(match: re.Match[str], state: Context) -> Said:
    """UTC+5:30, of which no o'clock is said."""
    sign = "प्लस" if match[1] == "+" else numbers.MINUS
    minutes = numbers.cardinal(int(match[3])) if int(match[3]) else ()
    return (sign, *numbers.cardinal(int(match[2])), *minutes), match.end()


def _after_part(match: re.Match[str], state: Context) -> bool:
    """Whether a part of the day makes two numbers with a point a time: शाम 4.30."""
    before, after = state.before(match.start()).lower(), state.after(match.end())
    told = before in PARTS_OF_DAY or (before in _BEFORE_TIME and after in _AFTER_TIME)
    return told and len(match[0].rsplit(".", 1)[-1]) == 2


def paired(match: re.Match[str], state: Context) -> bool:
    """Whether the words around tell that two numbers with a colon are a ratio or a score."""
    near = [*state.words_before(match.start())[-3:], *state.words_after(match.end())[:3]]
    return any(word.lower() in _PAIRED or word.endswith("नुपात") for word in near)


def _day(time: Clock, place: int, state: Context) -> tuple[str, ...]:
    return () if state.before(place) in PARTS_OF_DAY else time.part_of_day


def _range(match: re.Match[str], state: Context) -> Said | None:
    first, second = _parse(match, 1), _parse(match, 6)
    if first is None or second is None:
        return None
    if match[11] and match[11] != "बजे" and not (first.point or second.point):
        return None  # 6-8 hrs
    if second.half and not first.half and not first.point and 1 <= first.hour <= 12:  # 8-10 PM
        other = {"a": "p", "p": "a"}[second.half[0].lower()]
        first = first._replace(half=second.half if first.hour < second.hour != 12 or first.hour == 12 else other)
    if not (match[11] or (_is_time(first, None) and _is_time(second, None))):
        return None
    everyday = state.style.clock == "everyday"
    words = (*_day(first, match.start(), state), *first.words(everyday, first=True), "से")
    again = () if second.part_of_day == first.part_of_day else second.part_of_day
    return (*words, *again, *second.words(everyday)), match.end()


def _four_digits(match: re.Match[str], state: Context) -> Said | None:
    """1430 hrs, as timetables and the services write it."""
    hour, minute = int(match[1]), int(match[2])
    return (clock(hour, minute, everyday=False), match.end()) if hour < 25 else None


def _spaced(match: re.Match[str], state: Context) -> Said:
    """10 : 30 बजे, with blanks around the colon."""
    time = Clock(int(match[1]), int(match[2]), None, match[3] or "", ":")
    return (*_day(time, match.start(), state), *time.words(state.style.clock == "everyday")), match.end()


_GROUP = Lazy(r",\d{3}(?!\d)")
TOKENS = (
    Token("s", r"(?:(?<=UTC)|(?<=GMT))\s?([-+−])\s?(\d{1,2}):(\d\d)(?!\d)", _zone),
    Token("d", r"([0-2]\d)([0-5]\d)\s?(?:(?i:hrs?|hours)(?![A-Za-z])|बजे)", _four_digits),
    Token("d", (rf"{_CLOCK}\s?(?:-|–|—|से|to)\s?{_CLOCK}{_TAIL}"), _range),
    Token("d", (rf"{_CLOCK}{_TAIL}"), _one),
    Token("d", rf"(1?\d|2[0-4])(?:\s:\s?|:\s)([0-5]\d)\s?(?:({_HALF})|बजे(?!{DEVANAGARI}))", _spaced),
)
