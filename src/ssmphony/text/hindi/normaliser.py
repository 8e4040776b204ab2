"""Written Hindi → the words that are spoken, each tied to the place it came from.

Every kind of token is a pattern and a reader, in the module of its idea; the first character of a token names the
kinds that are tried, in the order below: the narrow before the wide, a telephone number before a number. What has no
sound (quotes, other scripts, emoji) yields no reading; every Devanagari or Latin letter and every digit lies in one.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from ssmphony.text.hindi import (
    abbreviations,
    arithmetic,
    calendar_words,
    chemistry,
    codes,
    comparisons,
    dates,
    durations,
    exponents,
    fractions,
    greek,
    key_combinations,
    markup,
    measures,
    money,
    ordinals,
    other_scripts,
    quantities,
    roman,
    scores,
    signs,
    tables,
    telephone_keys,
    times,
    verses,
    web,
)
from ssmphony.text.hindi.abbreviations import ABBREVIATIONS
from ssmphony.text.hindi.context import AFTER_OBLIQUE, DEVANAGARI, Context, ReadingStyle, Said, Token
from ssmphony.text.hindi.unicode import Cleaned

__all__ = ["ABBREVIATIONS", "Reading", "ReadingStyle", "read"]


_TOKENS: tuple[Token, ...] = (
    *signs.PHRASES,
    *telephone_keys.TOKENS,
    *key_combinations.TOKENS,
    *web.TOKENS,
    *exponents.TOKENS,
    *chemistry.TOKENS,
    *codes.TOKENS,
    *verses.TOKENS,
    *dates.TOKENS,
    *calendar_words.TOKENS,
    *ordinals.TOKENS,
    *durations.TOKENS,
    *times.TOKENS,
    *codes.VERSIONS,
    *money.TOKENS,
    *comparisons.TOKENS,
    *arithmetic.TOKENS,
    *measures.TOKENS,
    *scores.TOKENS,
    *fractions.TOKENS,
    *roman.TOKENS,
    *signs.MIXED,
    *quantities.TOKENS,
    *abbreviations.TOKENS,
    *greek.TOKENS,
    *other_scripts.TOKENS,
    *signs.TOKENS,
    *signs.WORDS,
)
_LATIN = re.compile("[A-Za-z]")


_SILENT = frozenset(" \n'\"“”‘’")
"""Characters that no token begins with."""
_PLAIN = re.compile(
    rf"(?:{DEVANAGARI}+|(?<![A-Za-z\d])(?:[a-z]{{3,}}|[A-Z][a-z]{{2,}}|[A-Z]{{3,}})|[,;])"
    r"(?=[\s,।?!\"”]|['’](?![A-Za-z])|:(?=\s)|\Z)|:(?=\s|\Z)"
)
_PHRASES = (*tables.pairs("set_phrases"), *tables.pairs("initialisms"), *tables.pairs("functions"), *money.WRITTEN)
_ABBREVIATIONS = (*tables.pairs("abbreviations"), *tables.pairs("number_abbreviations"))
_HEADS = frozenset(
    head[0].lower()
    for written in (
        *_PHRASES,
        *filter(str.isascii, _ABBREVIATIONS),
        *chemistry.COMPOUNDS,
        "सेमी",
        *scores.TEAMS,
        *key_combinations.NAMES,
    )
    if (head := re.match(rf"{DEVANAGARI}+|[A-Za-z]+", written))
)
"""What expressions of several parts begin with, and words that another reader than that of words has."""
_NUMERAL = re.compile("[ivxlcdm]+")
_OBLIQUE = {"रुपया": "रुपये", "पैसा": "पैसे", "टका": "टके", "घंटा": "घंटे", "महीना": "महीने", "हफ़्ता": "हफ़्ते"}
"""Words for one of something that number tokens end with, and their form before a postposition."""
_BY_FIRST = {first: tuple(token for token in _TOKENS if first in token.first) for first in "dhls"}


class Reading(NamedTuple):
    """A written token, ``start`` to ``end`` in the source, and the Devanagari ``words`` it is spoken as.

    ``pause`` is ``,`` where the token is a clause mark (then there are no words).
    """

    start: int
    end: int
    words: tuple[str, ...] = ()
    pause: str = ""


def read(sentence: str, style: ReadingStyle | None = None) -> list[Reading]:
    """Readings of one sentence in order; offsets are into ``sentence``. Linear in its length; never raises."""
    state = Context(_in_devanagari(markup.read(sentence)), style or ReadingStyle(), _token)
    others = _style_words(state.style)
    readings: list[Reading] = []
    text, place = state.text, 0
    while place < len(text):
        if text[place] in _SILENT:
            place += 1
            continue
        said = _plain(place, state) or _inflected(_token(place, state), place, state)
        if said is None:
            place += 1
            continue
        words, stop = said
        if others:
            words = _styled(words, text[place:stop], others)
        start, end = state.cleaned.span(place, stop)
        _append(readings, Reading(start, end, words, pause="" if words else ","))
        place = stop
    return readings


def _in_devanagari(cleaned: Cleaned) -> Cleaned:
    """The text, with the Hindi words in it that are in Latin letters in Devanagari."""
    if not _LATIN.search(cleaned.text):
        return cleaned
    from ssmphony.text.hindi import code_mixing  # its patterns would slow down every start

    return code_mixing.rewrite(cleaned)


def _plain(place: int, state: Context) -> Said | None:
    """What most tokens are: a word that nothing else begins with, or a mark, before a blank or a clause mark."""
    match = _PLAIN.match(state.text, place)
    if match is None:
        return None
    written = match[0]
    if written[0] >= "\u0900":
        return signs.word(match, state) if written not in _HEADS else None
    if written in ",;:":
        return (), match.end()
    lower = written.lower()
    if lower in _HEADS or lower in calendar_words.NAMES or _NUMERAL.fullmatch(lower):
        return None
    return signs.latin_word(match, state)


@cache
def _style_words(style: ReadingStyle) -> dict[str, str]:
    """Words of numbers and units, and what the style says instead."""
    chosen = {f"{key}={value}" for key, value in vars(style).items()}
    return {row[1]: row[2] for row in tables.rows("style_words") if row[0] in chosen}


def _styled(words: tuple[str, ...], written: str, others: dict[str, str]) -> tuple[str, ...]:
    """The words of a token in a style; those that were written so (गज) stay."""
    return tuple(others.get(word, word) if word not in written else word for word in words)


def _token(place: int, state: Context) -> Said | None:
    """What is said at ``place``; no words for a pause, None for what has no sound."""
    text = state.text
    for token in _BY_FIRST[_first(text[place])]:
        match = token.match(text, place)
        said = token.read(match, state) if match else None
        if said is not None:
            return said
    return None


def _inflected(said: Said | None, place: int, state: Context) -> Said | None:
    """The words of a token, the last of them in the oblique case where a postposition follows: ₹1 में, एक रुपये में."""
    if not said or not said[0] or said[0][-1] not in _OBLIQUE:
        return said
    words, stop = said
    kept = words[-1] in state.text[place:stop] or words[-2:-1] == ("प्रति",)  # प्रति घंटा की रफ़्तार
    if kept or state.after(stop) not in AFTER_OBLIQUE:
        return said
    return (*words[:-1], _OBLIQUE[words[-1]]), stop


def _first(character: str) -> str:
    if "\u0900" <= character <= "\u097f":
        return "s" if character in "।॥॰" else "h"
    if character in "0123456789":
        return "d"
    return "l" if character.isascii() and character.isalpha() else "s"


def _append(readings: list[Reading], new: Reading) -> None:
    """Add a reading; where one source character (㎧) or formula gave several tokens, their words share its span."""
    last = readings[-1] if readings else Reading(0, 0)
    if new.start >= last.end:
        readings.append(new)
    elif new.words and last.words:
        readings[-1] = Reading(last.start, max(last.end, new.end), last.words + new.words)
    elif new.words and last.pause:  # a bracket or comma inside a formula
        readings.pop()
        _append(readings, new)
    elif new.end > last.end or new.pause:
        readings.append(Reading(min(last.end, new.end), new.end, new.words, new.pause))
