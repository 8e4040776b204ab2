"""A sentence with Latin letters, and which of its words are left to other readers: addresses, units, acronyms."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from ssmphony.text.hindi import (
    abbreviations,
    arithmetic,
    chemistry,
    english,
    key_combinations,
    latin,
    measures,
    money,
    roman,
    scores,
    tables,
)

LATIN = re.compile("[A-Za-z]")
_CHUNK = re.compile(r"(?!.*[A-Za-z]\.[A-Za-z])[(\"'“‘\[]*[A-Za-z][A-Za-z'’/,;:!?.…\"”)\]।॥–—-]*")
"""What stands between blanks where a word may be Hindi: letters and marks, and no address, unit or code."""
_DIGIT_BEFORE = re.compile(r"\d\s*\Z")
_AMOUNT = re.compile(r"\s{0,2}[-−]?\.?\d")
_SQUARE = frozenset("sq square cu cubic fl".split())
_FORMULA = frozenset("<>=+×÷^√²³⁴⁺⁻ⁿ≤≥≪≫≠≈∃∀∄∂∫∑∏≅≡∼∩∪∈∉⊂⊃⊆⊇∧∨¬∝→⇒⇔↔−≢≁≇≐≔≜≝≟≺≻⊄⊈⊊⊅⊉⊋∌∤∦⟂⋃⋂⋀⋁⊻⊢⊨⊖⊙↦≰≱≲≳")
"""A short word next to one of these is a variable."""
_LONGEST_VARIABLE = 3
_LETTER_PART = re.compile(r"(?<![A-Za-z-])[A-Za-z]-[A-Za-z]|[A-Za-z]-[A-Za-z](?![A-Za-z-])")
_MONTHS = frozenset("jan feb apr aug sept oct nov dec".split())
_DAY = re.compile("[12]?[0-9]|3[01]")
_HINDI_TOO = frozenset("ka ma pa va dal dam hm kl mn mt".split())
"""Units that are frequent words of Hindi in Latin letters."""
_PER_UNIT = re.compile(r"[kmcnμ]?[gml]/(?:[a-z]{1,4})[²³]?[).,]?")
_UNDER = re.compile(r"/(?:\d|\(|[A-Za-z](?![A-Za-z])|d[a-z](?![A-Za-z]))")
_OVER = re.compile(r"(?:[\d)]|(?<![A-Za-z])[A-Za-z]|(?<![A-Za-z])d[a-z])/\Z")
_VERSUS = frozenset("vs v बनाम".split())
"""What stands between two teams."""
_LABEL = re.compile("[ivx]+|[a-z]")
_REACH = 60
"""So far to either side the characters between blanks are looked at."""
LONGEST_ACRONYM = 6
_LOUD = 3.4
"""Words of capitals that are longer than this on average are no acronyms."""
_FIRST_PERSON = re.compile("h(?:u|oo)n?|hnu|[a-z]+(?:u|oo)n?g[ai]|[a-z]+(?:aun|aoon|aau)")


class Sentence(NamedTuple):
    """What the whole sentence says about each of its words."""

    text: str
    matches: list[re.Match[str]]
    words: list[str]
    """Its tokens in lower case."""
    capitals: bool
    """Whether a capital says something: not in a title or a text of capitals."""
    shouted: bool
    """Whether all is in capitals."""
    native: float
    """The share of Devanagari among its words."""
    first_person: bool
    """Whether a verb says I."""

    @classmethod
    def of(cls, text: str, matches: list[re.Match[str]]) -> Sentence:
        words = [match[0] for match in matches]
        typed = [word for word in words if LATIN.match(word)]
        devanagari = sum("\u0900" <= word[0] <= "\u097f" for word in words)
        loud = [match[0] for match in matches if LATIN.match(match[0]) and not _in_code(match, text)]
        shouted = len(loud) > 2 and "".join(loud).isupper() and sum(map(len, loud)) > _LOUD * len(loud)
        titled = len(typed) > 1 and sum(word[0].isupper() for word in typed) > 0.6 * len(typed)
        lower = [word.lower().replace("’", "'") for word in words]
        first_person = any(_FIRST_PERSON.fullmatch(word) for word in lower)
        share = devanagari / max(1, devanagari + len(typed))
        return cls(text, matches, lower, not (shouted or titled), shouted, share, first_person)


def _in_code(match: re.Match[str], text: str) -> bool:
    """Whether digits touch the letters (1HGBH41JX), which say nothing about the sentence then."""
    return text[match.start() - 1 : match.start()].isdigit() or text[match.end() : match.end() + 1].isdigit()


def is_fixed(place: int, sentence: Sentence) -> bool:
    """Whether other readers have this word: addresses, units, abbreviations, acronyms, letters."""
    match, words = sentence.matches[place], sentence.words
    text, word, written = sentence.text, words[place], match[0]
    if written[1:] != written[1:].lower() and not written.isupper():
        return True  # LoC, WhatsApp
    capitals = written.isupper() and not sentence.shouted and written != "I"
    if capitals and len(written) < LONGEST_ACRONYM:
        return True
    if (words[place - 1 : place] or [""])[0] + " " + word in _set_phrases():
        return True
    if len(word) == 1 and sentence.native >= 0.5:
        return True  # विकल्प b
    if latin.is_initialism(written, (words[place - 1 : place] or [""])[0], (words[place + 1 : place + 2] or [""])[0]):
        return True  # FIR दर्ज, HR team, 8 GB ram
    if _is_qualifier(place, sentence.matches) or _is_medicine(place, sentence.matches):
        return True  # JEE (Main), Tab Dolo 650
    if key_combinations.is_key(written, text[max(0, match.start() - 12) : match.start()], text[match.end() :][:12]):
        return True  # Alt + Tab
    if written in scores.TEAMS and not _VERSUS.isdisjoint(
        (*words[max(0, place - 1) : place], *words[place + 1 : place + 2])
    ):
        return True  # Ind vs Eng
    if written in money.WRITTEN and _AMOUNT.match(text, match.end()):
        return True  # Rs 50
    if (
        word == "km"
        and sentence.native >= 0.5
        and _AMOUNT.match(text, match.end())
        and not text[: match.start()].endswith("से ")
    ):
        return True  # सड़क पर km 312, but km से km 5
    if word in _functions() and _function().match(text, match.start()):
        return True  # log x
    if (
        _is_variable(word, text, match)
        or _in_quotient(text, match)
        or (place and _is_unit_or_numeral(_before(place, words), written, "=" in words[max(0, place - 2) : place + 2]))
    ):
        return True
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if (
        (after == "." and word in _dotted())
        or word in abbreviations.TITLES
        or (word == "ve" and text[max(0, match.start() - 3) : match.start()].rstrip()[-1:] in tuple("+-−"))
    ):
        return True
    start, stop = _chunk(text, *match.span())
    whole = text[start:stop].lower()
    if whole in _set_phrases() or _PER_UNIT.fullmatch(whole):
        return True
    if not _CHUNK.fullmatch(text, start, stop) or (
        "/" in text[start:stop] and _DIGIT_BEFORE.search(text, max(0, start - 3), start)
    ):
        return True
    if _LETTER_PART.search(text, start, stop) or (after and after in ")'’" and _LABEL.fullmatch(word)):
        return True  # X-ray, s', (ii)
    if chemistry.names_element(written, (words[place + 1 : place + 2] or [""])[0]):
        return True  # He गैस
    if word == "to" and _between_names(place, words):
        return True  # Mon to Sat
    if written in _calendar() and _near_figures(place, words):
        return True
    if word in _MONTHS and place and _DAY.fullmatch(words[place - 1]):
        return True  # 26 jan
    if capitals:
        return False
    if after == "-" and english.is_prefix(word) and _is_english((words[place + 2 : place + 3] or [""])[0]):
        return True  # pre-approved
    return "-" in (before, after) and re.sub("[^a-z]", "", whole) in english.words()


def _before(place: int, words: list[str]) -> str:
    """The token before a word, or that before the dot of sq., cu. and the like."""
    dotted = place > 1 and words[place - 1] == "." and words[place - 2] in _SQUARE
    return words[place - 2 if dotted else place - 1]


def _is_unit_or_numeral(previous: str, written: str, equated: bool) -> bool:
    """Whether the token before a word makes it a unit (5 km, 5 sq km, 5 km per hour) or a numeral (भाग ii).

    ``equated``: a sign of equality is next (1 dam = 10 m).
    """
    word = written.lower()
    if previous[0].isdigit():
        return (
            (word in _units() and (equated or written not in _HINDI_TOO))
            or word in _SQUARE
            or len(word) == 1
            or word == "per"
        )
    per = (previous in _units() and word == "per") or (previous == "per" and word in _units())
    unit = previous in _SQUARE or per
    return unit or bool(_LABEL.fullmatch(word) and roman.names_part(previous))


def _is_variable(word: str, text: str, match: re.Match[str]) -> bool:
    """Whether a short word has a sign of a formula next to it."""
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
    if after[:1] == "!" and word in "nkrm" and before.strip()[-1:] in "=×*/(+÷−-":
        return True
    return len(word) < _LONGEST_VARIABLE and not _FORMULA.isdisjoint((before.strip()[-1:], after.strip()[:1]))


def _in_quotient(text: str, match: re.Match[str]) -> bool:
    """Whether a stroke joins it with another letter, number or bracket: x/y, 2x/3, c/o, dy/dx, (a+b)/c."""
    return bool(
        match.end() - match.start() < _LONGEST_VARIABLE
        and (_UNDER.match(text, match.end()) or _OVER.search(text[max(0, match.start() - 4) : match.start()]))
    )


def _chunk(text: str, start: int, stop: int) -> tuple[int, int]:
    """What stands between blanks around a word, as far as it matters."""
    left = text[max(0, start - _REACH) : start]
    right = text[stop : stop + _REACH]
    before = 0 if left[-1:].isspace() else len((left.split() or [""])[-1])
    after = 0 if right[:1].isspace() else len((right.split(maxsplit=1) or [""])[0])
    return start - before, stop + after


def _is_english(word: str) -> bool:
    return word in english.words() or english.inflected(word) is not None


def _is_qualifier(place: int, matches: list[re.Match[str]]) -> bool:
    """Whether a word with a capital stands alone in brackets behind an acronym: JEE (Main), CPI (Maoist)."""
    around = [match[0] for match in matches[max(0, place - 2) : place + 2]]
    return (
        len(around) == 4
        and around[1::2] == ["(", ")"]
        and around[0].isupper()
        and len(around[0]) > 1
        and around[2][0].isupper()
    )


def _is_medicine(place: int, matches: list[re.Match[str]]) -> bool:
    """Whether a word is the Tab or Cap of a prescription: before a name with a capital and a number."""
    name, figure = ([match[0] for match in matches[place + 1 : place + 3]] + ["", ""])[:2]
    written = matches[place][0]
    return written.lower() in abbreviations.PRESCRIBED and abbreviations.is_prescribed(written, f" {name} {figure}")


@cache
def _calendar() -> frozenset[str]:
    """Names of days and months in English, as they are written."""
    return frozenset(name for table in ("weekdays", "months") for row in tables.rows(table) for name in row[2].split())


def _between_names(place: int, words: list[str]) -> bool:
    """Whether names of a calendar stand before and after."""
    names = [words[at].capitalize() for at in (place - 1, place + 1) if 0 <= at < len(words)]
    return len(names) == 2 and _calendar().issuperset(names)


def _near_figures(place: int, words: list[str]) -> bool:
    """Whether a number or another name of a calendar is next, perhaps after a mark."""
    near = [words[at] for at in (place - 1, place - 2, place + 1, place + 2) if 0 <= at < len(words)]
    return any(word[0].isdigit() or word.capitalize() in _calendar() for word in near)


@cache
def _dotted() -> frozenset[str]:
    return frozenset((*tables.keys("abbreviations"), *tables.keys("number_abbreviations"), "min"))


@cache
def _set_phrases() -> frozenset[str]:
    """Expressions that the normaliser reads as a whole."""
    return frozenset(row[0] for row in tables.rows("set_phrases"))


@cache
def _functions() -> frozenset[str]:
    return frozenset(row[0] for row in tables.rows("functions"))


@cache
def _function() -> re.Pattern[str]:
    return re.compile(arithmetic.FUNCTION)


@cache
def _units() -> frozenset[str]:
    counted = {row[0] for row in tables.rows("number_abbreviations") if row[2] == "after"}
    scales = {row[0].lower() for row in tables.rows("scales")}
    return frozenset(name.lower() for name in measures.UNITS) | counted | scales | {"am", "pm", "to"}
