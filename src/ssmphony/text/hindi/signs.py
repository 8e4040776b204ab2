"""Marks and symbols: which of them pause, which have a name, emoji; and the plain words between them."""

from __future__ import annotations

import re

from ssmphony.text.hindi import abbreviations, latin, mixed, numbers, tables, visarga
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.graphemes import VISARGA
from ssmphony.text.hindi.unicode import VISARGA_STEMS

SYMBOLS = tables.pairs("symbols")
_EMOJI = tables.pairs("emoji")
_PHRASES = tables.pairs("set_phrases")
_ANY_PHRASE = "|".join(re.escape(phrase) for phrase in sorted(_PHRASES, key=len, reverse=True))


def _phrase(match: re.Match[str], state: Context) -> Said:
    return tuple(_PHRASES[match[0].lower()].split()), match.end()


def _messrs(match: re.Match[str], state: Context) -> Said:
    """M/s Sharma & Sons"""
    return ("मेसर्स",), match.end()


def word(match: re.Match[str], state: Context) -> Said | None:
    if (
        not match[0].endswith(VISARGA)
        or match[0][:-1] in VISARGA_STEMS
        or not visarga.is_colon(state.text, match.end())
    ):
        words = abbreviations.spoken(match[0], visarga=True)
        return (words, match.end()) if words else None
    words = abbreviations.spoken(match[0])
    return (words, match.end() - 1) if words else None


def latin_word(match: re.Match[str], state: Context) -> Said:
    return latin.to_devanagari(match[0].replace("’", "'")), match.end()


def _mixed(match: re.Match[str], state: Context) -> Said | None:
    words = mixed.mixed(match[0])
    return (words, match.end()) if words else None


def _dash(match: re.Match[str], state: Context) -> Said | None:
    """A dash with a space after it, and a long one anywhere, pause; a hyphen inside a word does not."""
    spaced = state.character(match.end()).isspace()
    return ((), match.end()) if spaced or "—" in match[0] or len(match[0]) > 1 else None


def _pause(match: re.Match[str], state: Context) -> Said:
    return (), match.end()


def _item(match: re.Match[str], state: Context) -> Said | None:
    """The dot after the number of a list item."""
    return ((), match.end()) if match.start() < 6 and state.text[: match.start()].strip(" (").isdecimal() else None


def _star(match: re.Match[str], state: Context) -> Said:
    """Of a hotel or a review: 4.5★."""
    return ("स्टार",), match.end()


def _stars(match: re.Match[str], state: Context) -> Said | None:
    """A rating: ★★★★☆ is four of five. The same row on both sides of something is ornament."""
    full, empty = len(match[1]), len(match[2])
    if not empty and (full < 2 or state.text.count(match[1]) > 1):
        return None
    total = (*numbers.cardinal(full + empty), "में", "से") if empty else ()
    return (*total, *numbers.cardinal(full), "स्टार"), match.end()


def _symbol(match: re.Match[str], state: Context) -> Said | None:
    """A symbol by its name; rows of three or more (=====) are ornament, and so is a # that belongs to nothing."""
    sign, place = match[0], match.start()
    if sign == "#" and not state.character(place - 1).isalnum():
        return None
    if sign in "→⟶⇒≡" and not state.text[:place].strip(" -*•"):
        return None  # it begins an item of a list
    if sign * 3 in state.text[max(0, place - 2) : place + 3]:
        return None
    return tuple(SYMBOLS[sign].split()), match.end()


def _emoji(match: re.Match[str], state: Context) -> Said | None:
    name = _EMOJI.get(match[0]) if state.style.emoji == "named" else None
    return (tuple(name.split()), match.end()) if name else None


PHRASES = (
    Token("l", r"(?<![A-Za-z\d])M/[sS]\.?(?=\s)", _messrs),
    Token(
        "dlh",
        (rf"(?<![A-Za-z\d./-])(?i:{_ANY_PHRASE})(?![A-Za-z\d]|[./-]\d|{DEVANAGARI}|\s\d{{1,2}}\s?h)"),
        _phrase,
    ),
)


def _suffix(match: re.Match[str], state: Context) -> Said:
    """The capitals that a number ends with and that are no unit: Form 26AS."""
    return tuple(latin.LETTER_NAMES[letter] for letter in match[0].lower()), match.end()


def _initialism(match: re.Match[str], state: Context) -> Said | None:
    """Letters that are a word too, next to what tells that they are none: fir दर्ज, it सेक्टर, 8GB ram."""
    after = state.after(match.end()) if state.character(match.end()) in (" ", "-") else ""
    before = state.before(match.start()).lstrip("0123456789.")
    if not latin.is_initialism(match[0], before, after):
        return None
    return latin.initialism(match[0]), match.end()


MIXED = (
    Token("l", r"(?<![A-Za-z\d'’.-])[A-Za-z]{2,4}(?![A-Za-z\d'’.]|-(?!\d))", _initialism),
    Token(
        "dl", r"(?<![A-Za-z\d])(?:[A-Za-z]\.(?:[A-Za-z]\.)+|[A-Za-z\d]{1,30}(?:[-.&/][A-Za-z\d]{1,30}){0,8})", _mixed
    ),
)
WORDS = (
    Token("l", r"(?<=\d)[A-Z]{2}(?![A-Za-z\d])", _suffix),
    Token("h", (rf"(?<={DEVANAGARI}){VISARGA}(?!{DEVANAGARI})"), _pause),
    Token("h", (rf"{DEVANAGARI}+"), word),
    Token("l", (r"[A-Za-z]+(?:['’][A-Za-z]+)?"), latin_word),
)
TOKENS = (
    Token("s", r"(?<=\d)\s?[★⭐](?![★⭐☆])", _star),
    Token("s", r"(?<![★⭐☆])([★⭐]{1,5})([☆✩]{0,4})(?![★⭐☆✩])", _stars),
    Token("s", (r"(?<=\d)\.(?=\s)"), _item),
    Token("s", (r"[-–—−]+"), _dash),
    Token("s", r"_{3,}", _pause),
    Token("s", (r"[,،、;:\[\]{}…]|\.\.+"), _pause),
    Token("s", (f"[{re.escape(''.join(SYMBOLS))}]"), _symbol),
    Token("s", (f"[{''.join(_EMOJI)}]"), _emoji),
)
