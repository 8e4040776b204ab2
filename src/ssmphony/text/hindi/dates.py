"""Dates in every usual order, years, decades: 15/08/1947, 12-Nov-25, सन् 1857, 1947-48, 1990 के दशक, 321 BC."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables, times
from ssmphony.text.hindi.codes import VERSION_WORDS
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_ROWS = tables.rows("months")
MONTHS = tuple(row[0] for row in _ROWS)
_ENGLISH = {name.lower(): row[0] for row in _ROWS for name in row[2].split()}
_HINDI = tuple(name for row in _ROWS for name in (row[0], *row[1].split()) if name != "-")
SHORT_MONTHS = {short: row[0] for row in _ROWS for short in row[3].split() if short != "-"}
SHORT_ENGLISH_MONTHS = frozenset(name.lower() for row in _ROWS for name in row[2].split()[1:])
_ENGLISH_MONTH = rf"(?i:{'|'.join(sorted(_ENGLISH, key=len, reverse=True))})(?![A-Za-z])\.?"
_SHORT = "|".join(sorted(SHORT_MONTHS, key=len, reverse=True))
MONTH = rf"(?:{_ENGLISH_MONTH}|(?:{'|'.join(_HINDI)})(?!{DEVANAGARI})|(?:{_SHORT})(?:\.|(?=[\s-]\d{{4}}(?!\d))))"
NUMERIC = (
    "(?:"
    + "|".join(
        rf"\d{{1,2}}{mark}\d{{1,2}}{mark}(?:\d{{4}}|\d\d)|\d{{4}}{mark}\d{{1,2}}{mark}\d{{1,2}}"
        for mark in ("/", r"\.", "-")
    )
    + r")(?![\d/])"
)
"""A date in figures."""
_YEAR = {place: frozenset(row[0] for row in tables.rows("year_words") if row[1] == place) for place in
         ("before", "after", "none")}  # fmt: skip
_ON = frozenset("को तक ko tak".split())
_DATE_WORDS = frozenset("दिनांक तारीख दि तिथि date dated".split())
_NUMBER_WORDS = frozenset(row[0] for row in tables.rows("year_words") if row[1] == "number")
_TERM_WORDS = frozenset(row[0] for row in tables.rows("year_words") if row[1] == "term")
_MONTH_DAY_BEFORE = Lazy(rf"(?:{MONTH})\s\d{{1,2}}(?:st|nd|rd|th)?,?\s*\Z")
_ERAS = {"BC": ("ईसा", "पूर्व"), "BCE": ("ईसा", "पूर्व"), "AD": ("ईस्वी",), "CE": ("ईस्वी",)}


def year(number: int, state: Context) -> tuple[str, ...]:
    return numbers.year(number) if state.style.years == "hundreds" else numbers.cardinal(number)


def full_year(written: str) -> int:
    """Two digits are of 1940 to 2039: who was born in 1952, or became free in 47, is written of more than 2052."""
    number = int(written)
    return number if len(written) == 4 else number + (1900 if number > 39 else 2000)


def _numeric(match: re.Match[str], state: Context) -> Said | None:
    """Day, month, year; or year first; or, where only that makes a date, month first."""
    parts = [match[1], match[3], match[4]]
    before = state.before(match.start()).lower()
    short = len(match[4]) + len(match[3]) < 4 and not (before in _DATE_WORDS and len(match[4]) == 2)
    if match[2] == "." and (before in VERSION_WORDS or short):
        return None
    if len(parts[0]) == 4:
        parts.reverse()
    day, month = int(parts[0]), int(parts[1])
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31) or len(parts[2]) == 1 or len(match[1]) == 3:
        return None
    return (*numbers.cardinal(day), MONTHS[month - 1], *year(full_year(parts[2]), state)), match.end()


def _numeric_days(match: re.Match[str], state: Context) -> Said | None:
    """15-20/08/2024: the days of a month in figures."""
    first, last, month = int(match[1]), int(match[2]), int(match[4])
    if not (1 <= first < last <= 31 and 1 <= month <= 12):
        return None
    days = (*numbers.cardinal(first), "से", *numbers.cardinal(last))
    return (*days, MONTHS[month - 1], *year(full_year(match[5]), state)), match.end()


def month_name(written: str) -> str:
    bare = written.rstrip(".")
    return _ENGLISH.get(bare.lower()) or SHORT_MONTHS.get(bare, bare)


def _is_month(word: str) -> bool:
    return word in _HINDI or word.lower() in _ENGLISH


def _days(match: re.Match[str], state: Context) -> Said | None:
    """The days of a month: 5-7 जन., 12-14 मार्च."""
    first, last = int(match[1]), int(match[2])
    if not 1 <= first < last <= 31:
        return None
    return (*numbers.cardinal(first), "से", *numbers.cardinal(last), month_name(match[3])), match.end()


def _named(match: re.Match[str], state: Context) -> Said | None:
    """15 Aug 1947, 12-Nov-25, 05JAN26, 01 जनवरी 2023; a comma before the year is a pause and ends the token."""
    day, month, written = int(match[1]), match[2], match[3] or match[4]
    if not 1 <= day <= 31 or (
        "-" in state.text[match.end(1) : match.start(2)] and _is_month(state.before(match.start()))
    ):
        return None  # मार्च 15-अप्रैल 20
    words = (*numbers.cardinal(day), month_name(month))
    return (*words, *(year(full_year(written), state) if written else ())), match.end()


def _month_first(match: re.Match[str], state: Context) -> Said | None:
    if match[2]:
        return (month_name(match[1]), *year(int(match[2]), state)), match.end()
    return (month_name(match[1]), *numbers.cardinal(int(match[3]))), match.end()


def _day_month(match: re.Match[str], state: Context) -> Said | None:
    """5/11 after the word दिनांक; 15-08, whose zero no amount has."""
    day, month = int(match[1]), int(match[2])
    is_date = (
        match[2][0] == "0"
        or state.before(match.start()).lower() in _DATE_WORDS
        or (day > 12 and "/" in match[0] and state.after(match.end()) in _ON)
    )
    if not (is_date and 1 <= day <= 31 and 1 <= month <= 12) or state.before(match.start()).lower() in _NUMBER_WORDS:
        return None
    return (*numbers.cardinal(day), MONTHS[month - 1]), match.end()


def _years(match: re.Match[str], state: Context) -> Said | None:
    """1947-48 and 1939-1945."""
    first, second = int(match[1]), int(match[2])
    if not 1000 <= first <= 2099:
        return None
    if len(match[2]) == 2:
        follows = second == (first + 1) % 100 or state.words_after(match.end())[:2] == ["के", "दशक"]
        if follows and first % 100 and second:
            return (*year(first, state), *numbers.cardinal(second)), match.end()
        if follows:
            return (*year(first, state), "से", *year(first + 1, state)), match.end()
        if second <= first % 100 or first < 1500 or state.after(match.end()) in _YEAR["none"]:
            return None
        last = numbers.cardinal(second) if first % 100 else year(first + second, state)
        return (*year(first, state), "से", *last), match.end()
    years = _is_year(first, match, state) or _is_year(second, match, state)
    if not first < second <= 2099 or not (years or (first >= 1500 and (first % 50 or second % 50))):
        return None
    if state.after(match.end()) in _YEAR["none"]:
        return None
    return (*year(first, state), "से", *year(second, state)), match.end()


def _month_year(match: re.Match[str], state: Context) -> Said | None:
    """12/2025, 2024-01, 2024/01; 09/26 where the words around tell of a term.

    The number of a file (संख्या 5/2024) is none.
    """
    month, written = (
        (match["month"], match["year"] or match["dashed"]) if match["month"] else (match["last"], match["first"])
    )
    number = int(written)
    if match["month"] and len(written) == 2:
        near = [*state.words_before(match.start())[-3:], *state.words_after(match.end())[:2]]
        if not any(word.lower() in _TERM_WORDS for word in near):
            return None
        number += 2000
    if not (1900 <= number <= 2099 and 1 <= int(month) <= 12) or state.before(match.start()).lower() in _NUMBER_WORDS:
        return None
    return (MONTHS[int(month) - 1], *year(number, state)), match.end()


def _months(match: re.Match[str], state: Context) -> Said | None:
    """04/2023-03/2024"""
    first, last = int(match[2]), int(match[4])
    if not (1900 <= first <= last <= 2099 and 1 <= int(match[1]) <= 12 and 1 <= int(match[3]) <= 12):
        return None
    words = (MONTHS[int(match[1]) - 1], *year(first, state), "से")
    return (*words, MONTHS[int(match[3]) - 1], *year(last, state)), match.end()


def _timestamp(match: re.Match[str], state: Context) -> Said | None:
    """2024-01-15T10:30:00Z: day and time of day; the zone, which nobody says, is left out."""
    month, day, hour, minute, second = (int(match[place] or 0) for place in range(2, 7))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 25 and minute < 60 and second < 60):
        return None
    said = times.Clock(hour, minute, second or None, "", ":").words(state.style.clock == "everyday")
    return (*numbers.cardinal(day), MONTHS[month - 1], *year(int(match[1]), state), *said), match.end()


def _single(match: re.Match[str], state: Context) -> Said | None:
    number = int(match[0])
    return (year(number, state), match.end()) if _is_year(number, match, state) else None


def _is_year(number: int, match: re.Match[str], state: Context) -> bool:
    """Whether the words around, the brackets or the end of the phrase tell that a number is a year."""
    if not 1000 <= number <= 2099:
        return False
    before, after = state.before(match.start()), state.words_after(match.end())[:2]
    if before in _YEAR["before"] or _is_month(before):
        return not after or after[0] not in _YEAR["none"]
    closing = state.text[match.end() :][:1]
    if state.character(match.start() - 1) == "(" and closing == ")":
        return True
    if _MONTH_DAY_BEFORE.search(state.text[max(0, match.start() - 40) : match.start()]):
        return True
    if after and state.character(match.end()) in " -":
        return after[0] in _YEAR["after"] and not _counted(number, after)
    if not 1700 <= number <= 1999 or (before.isascii() and before):
        return False
    return closing in ("", " ", ",", "।", ")", ".")


def _counted(number: int, after: list[str]) -> bool:
    """1400 से अधिक, 1500 में से 300: a count, not a year."""
    return after[-1] in _YEAR["none"] or after == ["में", "से"]


def _decade(match: re.Match[str], state: Context) -> Said | None:
    """1980s, 90s; of two digits below 50 only where the sentence treats it as one (30s में), else they are seconds."""
    number = int(match[1])
    if number < 50 and state.after(match.end()) not in _YEAR["after"]:
        return None
    words = year(number, state) if number > 99 else numbers.cardinal(number)
    return (*words, "के", "दशक"), match.end()


def _of_era(match: re.Match[str], state: Context) -> Said:
    """1857ई."""
    return year(int(match[1]), state), match.end()


def _before_era(match: re.Match[str], state: Context) -> Said:
    """322–185 ई.पू.: years before our era fall."""
    return (*year(int(match[1]), state), "से", *year(int(match[2]), state)), match.end()


def _to_era(match: re.Match[str], state: Context) -> Said | None:
    """500 ई.पू.-200 ई."""
    return (
        (("से",), match.end())
        if re.search(r"ई\.\s?पू\.\Z", state.text[max(0, match.start() - 8) : match.start()])
        else None
    )


def _era(match: re.Match[str], state: Context) -> Said:
    return (*year(int(match[1]), state), *_ERAS[match[2]]), match.end()


_NOT_MORE = r"(?![\d]|[,.:]\d)"
TOKENS = (
    Token(
        "d",
        (
            r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?"
            r"(?:\s?[Zz](?![A-Za-z])|[-+−]\d\d:?\d\d(?!\d))?(?!\d)"
        ),
        _timestamp,
    ),
    Token("d", r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?(?:Z|[-+]\d{2,4})?(?![A-Za-z\d])", _timestamp),
    Token(
        "d",
        rf"(\d{{1,4}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{1,2}}){_NOT_MORE}(?!/\d|-(?!{NUMERIC})\d)",
        _numeric,
    ),
    Token("d", r"(\d{1,2})(\s[/-]\s)(\d{1,2})\2(\d{4})(?![\d/]|[.,]\d)", _numeric),
    Token("d", r"(\d{1,2})\s?[-–]\s?(\d{1,2})([/.])(\d{1,2})\3(\d{4}|\d\d)(?![\d/]|[.,]\d)", _numeric_days),
    Token(
        "d",
        rf"(\d{{1,2}})(?:st|nd|rd|th)?\s?[-–]\s?(\d{{1,2}})(?:st|nd|rd|th)?\s({MONTH})",
        _days,
    ),
    Token(
        "d",
        (
            rf"(\d{{1,2}})(?:(?:st|nd|rd|th)(?:\sof\s)?)?[\s-]?({MONTH})(?:[\s-]?(\d{{4}}(?!\d|,\d))|-?(\d{{2}}(?!\d|st|nd|rd|th|[\s-]?{MONTH})))?"
        ),
        _named,
    ),
    Token("d", (r"(\d{1,2})[/-](\d{1,2})(?![\d/.-])"), _day_month),
    Token("d", (r"(\d{3}0|\d0)'?s(?![A-Za-z])"), _decade),
    Token("d", (r"(\d{1,4})\s?(BCE?|AD|CE)(?![A-Za-z])"), _era),
    Token("d", rf"(\d{{4}})(?=\s?(?:ई\.|ई0|ईस्वी|ईसवी)(?!{DEVANAGARI}))", _of_era),
    Token("d", r"(\d{1,4})\s?[-–—]\s?(\d{1,4})(?=\s?(?:ई\.\s?पू|ईपू|ईसा\sपूर्व|BCE?(?![A-Za-z])))", _before_era),
    Token("s", r"(?<=\.)[-–—](?=\d{1,4}\s?ई)", _to_era),
    Token("d", rf"(\d\d?)/(\d{{4}})\s?[-–—]\s?(\d\d?)/(\d{{4}}){_NOT_MORE}(?!/\d)", _months),
    Token("d", (rf"(\d{{4}})\s?[-–—]\s?(\d{{4}}|\d{{2}}){_NOT_MORE}(?![-/]\d)"), _years),
    Token(
        "d",
        (
            r"(?:(?<![\d-])(?P<month>0?[1-9]|1[0-2])(?:/(?P<year>\d{4}|\d\d)|(?:-|(?<=0[1-9])\.)(?P<dashed>\d{4}))|(?P<first>\d{4})[-/](?P<last>0[1-9]|1[0-2]))"
            rf"{_NOT_MORE}(?![/-]\d)"
        ),
        _month_year,
    ),
    Token("d", (rf"\d{{4}}{_NOT_MORE}(?!\s?[%/°:]|{DEVANAGARI})"), _single),
    Token("l", (rf"({_ENGLISH_MONTH})[\s/](?:(\d{{4}})|(\d{{1,2}})(?:st|nd|rd|th)?)(?![\d:%])"), _month_first),
)
