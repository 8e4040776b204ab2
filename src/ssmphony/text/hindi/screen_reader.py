"""What a screen reader reads that is no prose: single characters, keys, and punctuation by its name."""

from __future__ import annotations

import re
import unicodedata

from ssmphony.text.hindi import codes, latin, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI
from ssmphony.text.hindi.unicode import clean
from ssmphony.tokens import PUNCTUATION_LEVELS

CAPITAL = "कैपिटल"
_SIGNS = tables.pairs("character_names")
_LETTERS = tables.pairs("letter_signs")
_SPACES = {" ": "स्पेस", "\u00a0": "स्पेस", "\t": "टैब", "\n": "नई पंक्ति", "\r": "नई पंक्ति",
           "\u200c": "ज़ीरो विड्थ नॉन जॉइनर", "\u200d": "ज़ीरो विड्थ जॉइनर"}  # fmt: skip
_GREEK = {letter: row[1] for row in tables.rows("greek") for letter in row[0]}
_CURRENCIES = {sign: row[1] for row in tables.rows("currencies") for sign in row[5].split() if len(sign) == 1}
_NAMES = {**_CURRENCIES, **_GREEK, **tables.pairs("emoji"), **tables.pairs("symbols"), **_SPACES, **_LETTERS, **_SIGNS}
_CLUSTER = rf"(?:{DEVANAGARI}\u094d)*{DEVANAGARI}[\u0900-\u0903\u093a-\u094f]*"
_PAUSES = frozenset(".,;:?!।॥…")
"""Signs that stay where they are when their name is spoken: the voice pauses there."""


def _runs(level: str) -> re.Pattern[str]:
    """One sign of a level, as often as it stands in a row."""
    levels = PUNCTUATION_LEVELS[1 : PUNCTUATION_LEVELS.index(level) + 1]
    signs = "".join(re.escape(row[0]) for row in tables.rows("character_names") if row[2] in levels)
    return re.compile(rf"([{signs}])\1*")


_RUNS = {level: _runs(level) for level in PUNCTUATION_LEVELS[1:]}
_COUNTED = 4
"""Of the same sign in a row: so many are counted, not repeated."""


def spelled(text: str, capitals: bool = False) -> str:
    """A text character by character: Devanagari by syllables, every other character by its name.

    A single character is named whatever it is. ``capitals`` says which Latin letters are capital ones.

    >>> spelled("क्या A1"), spelled("ि"), spelled("A", capitals=True)
    ('क्या, ए, एक', 'छोटी इ की मात्रा', 'कैपिटल ए')
    """
    if len(text) == 1:
        return character_name(text, capitals)
    parts = re.findall(rf"{_CLUSTER}|\S", text)
    return ", ".join(part if len(part) > 1 else character_name(part, capitals) for part in parts)


def character_name(character: str, capitals: bool = False) -> str:
    """The name of one character, never empty.

    >>> [character_name(sign) for sign in ("ं", "@", " ", "é", "€", "😀")]
    ['अनुस्वार', 'ऐट', 'स्पेस', 'ई', 'यूरो', 'हँसता चेहरा']
    """
    if name := _NAMES.get(character):
        return name
    letter = clean(character).text.strip()
    if re.fullmatch(_CLUSTER, letter):
        return letter
    plain = unicodedata.normalize("NFKD", letter or character)[:1]
    name = " ".join(codes.spell(plain))
    if not name:
        called = unicodedata.name(character, "")
        return called.lower() if called else "यूनिकोड " + " ".join(codes.spell(f"{ord(character):x}"))
    return f"{CAPITAL} {name}" if capitals and plain.isupper() else name


def key_name(key: str) -> str:
    """A key, with the keys that are held down with it, as the Speech Synthesis Interface Protocol names them.

    >>> key_name("control_alt_delete"), key_name("shift_kp-enter"), key_name("f12"), key_name("_")
    ('कंट्रोल ऑल्ट डिलीट', 'शिफ़्ट नमपैड एंटर', 'एफ़ बारह', 'अंडरस्कोर')
    """
    held, last = (key[:-1], "_") if key.endswith("_") else key.rpartition("_")[::2]
    return " ".join(_one_key(part) for part in (*held.split("_"), last) if part)


def _one_key(key: str) -> str:
    names = tables.pairs("key_names")
    if found := names.get(key) or names.get(key.lower()):
        return found
    if key.startswith("kp-") and len(key) > 3:
        return f"{names['kp']} {_one_key(key[3:])}"
    if function := re.fullmatch(r"[fF](\d{1,2})", key):
        return f"{latin.LETTER_NAMES['f']} {' '.join(numbers.cardinal(int(function[1])))}"
    return character_name(key, capitals=True) if len(key) == 1 else key.replace("-", " ")


def with_punctuation(text: str, level: str) -> str:
    """A text in which the signs of a level of punctuation are words; ``none`` leaves it as it is.

    Numbers stay whole, and below ``all`` so do words that hold a sign: the reader knows how to read an address.

    >>> with_punctuation("नमस्ते (दुनिया), 1,250.50 @ a@b.com ----", "most")
    'नमस्ते कोष्ठक शुरू दुनिया कोष्ठक बंद , 1,250.50 ऐट a@b.com 4 डैश '
    >>> with_punctuation("ठीक है।", "all")
    'ठीक है पूर्ण विराम।'
    """
    pattern = _RUNS.get(level)
    if pattern is None:
        return text

    def named(match: re.Match[str]) -> str:
        sign, run = match[1], match[0]
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        if _belongs_to_number(sign, before, after) or (level != "all" and before.isalnum() and after.isalnum()):
            return run
        name = _SIGNS[sign]
        count = f"{len(run)} {name}" if len(run) >= _COUNTED else " ".join([name] * len(run))
        return f" {count}{sign}" if sign in _PAUSES and not after.isalnum() else f" {count} "

    return re.sub(r"(?<=\S) {2,}", " ", pattern.sub(named, text)).lstrip(" ")


def _belongs_to_number(sign: str, before: str, after: str) -> bool:
    if sign in "%$":
        return before.isdigit() or after.isdigit()
    return before.isdigit() and after.isdigit()
