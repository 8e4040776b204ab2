"""Dates in every usual order, years, decades: 15/08/1947, 12-Nov-25, सन् 1857, 1947-48, 1990 के दशक, 321 BC."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.codes import VERSION_WORDS
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token

_ROWS = tables.rows("months")
MONTHS = tuple(row[0] for row in _ROWS)
_ENGLISH = {name.lower(): row[0] for row in _ROWS for name in row[2].split()}
_HINDI = tuple(name for row in _ROWS for name in (row[0], *row[1].split()) if name != "-")
_ENGLISH_MONTH = rf"(?i:{'|'.join(sorted(_ENGLISH, key=len, reverse=True))})(?![A-Za-z])\.?"
_MONTH = rf"(?:{_ENGLISH_MONTH}|(?:{'|'.join(_HINDI)})(?!{DEVANAGARI}))"
_YEAR = {place: frozenset(row[0] for row in tables.rows("year_words") if row[1] == place) for place in
         ("before", "behind", "none")}  # fmt: skip
_DATE_WORDS = frozenset("दिनांक तारीख दि तिथि date dated".split())
_MONTH_DAY_BEFORE = re.compile(rf"(?:{_MONTH})\s\d{{1,2}},?\s*\Z")
_ERAS = {"BC": ("ईसा", "पूर्व"), "BCE": ("ईसा", "पूर्व"), "AD": ("ईस्वी",), "CE": ("ईस्वी",)}


def year(number: int, state: Context) -> tuple[str, ...]:
    return numbers.year(number) if state.style.years == "hundreds" else numbers.cardinal(number)


def _full_year(written: str) -> int:
    """Two digits are of 1969 to 2068, as POSIX has it."""
    number = int(written)
    return number if len(written) == 4 else number + (1900 if number > 68 else 2000)


def _numeric(match: re.Match[str], state: Context) -> Said | None:
    """Day, month, year; or year first; or, where only that makes a date, month first."""
    parts = [match[1], match[3], match[4]]
    if match[2] == "." and (state.before(match.start()).lower() in VERSION_WORDS or len(match[4]) + len(match[3]) < 4):
        return None
    if len(parts[0]) == 4:
        parts.reverse()
    day, month = int(parts[0]), int(parts[1])
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31) or len(parts[2]) == 1 or len(match[1]) == 3:
        return None
    return (*numbers.cardinal(day), MONTHS[month - 1], *year(_full_year(parts[2]), state)), match.end()


def _month_name(written: str) -> str:
    return _ENGLISH.get(written.lower().rstrip("."), written)


def _named(match: re.Match[str], state: Context) -> Said | None:
    """15 Aug 1947, 12-Nov-25, 05JAN26, 01 जनवरी 2023; a comma before the year is a pause and ends the token."""
    day, month, written = int(match[1]), match[2], match[3] or match[4]
    if not 1 <= day <= 31:
        return None
    words = (*numbers.cardinal(day), _month_name(month))
    return (*words, *(year(_full_year(written), state) if written else ())), match.end()


def _month_first(match: re.Match[str], state: Context) -> Said | None:
    if match[2]:
        return (_month_name(match[1]), *year(int(match[2]), state)), match.end()
    return (_month_name(match[1]), *numbers.cardinal(int(match[3]))), match.end()


def _day_month(match: re.Match[str], state: Context) -> Said | None:
    """5/11 behind the word दिनांक."""
    day, month = int(match[1]), int(match[2])
    if not (state.before(match.start()).lower() in _DATE_WORDS and 1 <= day <= 31 and 1 <= month <= 12):
        return None
    return (*numbers.cardinal(day), MONTHS[month - 1]), match.end()


def _years(match: re.Match[str], state: Context) -> Said | None:
    """1947-48 and 1939-1945."""
    first, second = int(match[1]), int(match[2])
    if not 1000 <= first <= 2099:
        return None
    if len(match[2]) == 2:
        follows = second == (first + 1) % 100 or state.words_behind(match.end())[:2] == ["के", "दशक"]
        if not follows:
            return None
        if first % 100 and second:
            return (*year(first, state), *numbers.cardinal(second)), match.end()
        return (*year(first, state), "से", *year(first + 1, state)), match.end()
    told = _is_year(first, match, state) or _is_year(second, match, state)
    if not first < second <= 2099 or not (told or (first >= 1500 and (first % 50 or second % 50))):
        return None
    if state.behind(match.end()) in _YEAR["none"]:
        return None
    return (*year(first, state), "से", *year(second, state)), match.end()


def _single(match: re.Match[str], state: Context) -> Said | None:
    number = int(match[0])
    return (year(number, state), match.end()) if _is_year(number, match, state) else None


def _is_year(number: int, match: re.Match[str], state: Context) -> bool:
    """Whether the words around, the brackets or the end of the phrase tell that a number is a year."""
    if not 1000 <= number <= 2099:
        return False
    before, behind = state.before(match.start()), state.words_behind(match.end())[:2]
    if before in _YEAR["before"] or before in _HINDI or before.lower() in _ENGLISH:
        return not behind or behind[0] not in _YEAR["none"]
    closing = state.text[match.end() :][:1]
    if state.character(match.start() - 1) == "(" and closing == ")":
        return True
    if _MONTH_DAY_BEFORE.search(state.text[max(0, match.start() - 40) : match.start()]):
        return True
    if behind and state.character(match.end()) in " -":
        return behind[0] in _YEAR["behind"] and not _counted(number, behind)
    if not 1700 <= number <= 1999 or (before.isascii() and before):
        return False
    return closing in ("", " ", ",", "।", ")", ".")


def _counted(number: int, behind: list[str]) -> bool:
    """1400 से अधिक, 1500 में से 300: a count, not a year."""
    return behind[-1] in _YEAR["none"] or behind == ["में", "से"]


def _decade(match: re.Match[str], state: Context) -> Said:
    """1980s, 90s."""
    number = int(match[1])
    words = year(number, state) if number > 99 else numbers.cardinal(number)
    return (*words, "के", "दशक"), match.end()


def _era(match: re.Match[str], state: Context) -> Said:
    return (*year(int(match[1]), state), *_ERAS[match[2]]), match.end()


_NOT_MORE = r"(?![\d]|[,.:]\d)"
TOKENS = (
    Token("d", (rf"(\d{{1,4}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{1,2}}){_NOT_MORE}(?![/-]\d)"), _numeric),
    Token(
        "d",
        (rf"(\d{{1,2}})(?:st|nd|rd|th)?[\s-]?({_MONTH})(?:[\s-]?(\d{{4}}(?!\d|,\d))|-?(\d{{2}}(?!\d)))?"),
        _named,
    ),
    Token("d", (r"(\d{1,2})[/-](\d{1,2})(?![\d/.-])"), _day_month),
    Token("d", (r"(\d{3}0|\d0)'?s(?![A-Za-z])"), _decade),
    Token("d", (r"(\d{1,4})\s?(BCE?|AD|CE)(?![A-Za-z])"), _era),
    Token("d", (rf"(\d{{4}})\s?[-–—]\s?(\d{{4}}|\d{{2}}){_NOT_MORE}(?![-/]\d)"), _years),
    Token("d", (rf"\d{{4}}{_NOT_MORE}(?!\s?[%/°:]|{DEVANAGARI})"), _single),
    Token("l", (rf"({_ENGLISH_MONTH})\s(?:(\d{{4}})|(\d{{1,2}})(?:st|nd|rd|th)?)(?![\d:%])"), _month_first),
)
