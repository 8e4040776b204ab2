"""Words in Cyrillic, Greek and Urdu letters, as they stand in brackets after a name: मॉस्को (रूसी: Москва).

Letter by letter: near enough to be understood, and better than silence. Other Indic scripts are those of `unicode`;
Chinese and other scripts that no table of letters reads stay silent.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ssmphony.text.hindi import greek, tables
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.graphemes import ANUSVARA
from ssmphony.text.hindi.transliteration import compose

_GREEK = r"\u0370-\u03ff\u1f00-\u1fff"
_CYRILLIC = r"\u0400-\u04ff"
_ARABIC = r"\u0620-\u065f\u0670-\u06d3\u06ee-\u06ef\u06fa-\u06ff"
_VOWELS = frozenset("आइईउऊएओ")
_FINAL_SHORT = {"इ": "ई", "उ": "ऊ"}
"""Short vowels, which Hindi does not have at the end of foreign words."""
_ALEF, _MADDA, _WAW, _YE, _BARI_YE = "اأإ", "آ", "وؤ", "یيىئ", "ے"
_AIN, _NUN_GHUNNA, _ASPIRATE, _HE = "ع", "ں", "ھ", "ہهة"
_SHADDA, _SUKUN = "\u0651", "\u0652"
_SHORT = {"\u064e": "अ", "\u0650": "इ", "\u064f": "उ"}
_ASPIRATED = dict(zip("कगचजटडतदपब", "खघछझठढथधफभ", strict=True)) | {"ड़": "ढ़"}


@cache
def _units() -> dict[str, list[str]]:
    return {row[0]: row[1].split() if len(row) > 1 else [] for row in tables.rows("other_scripts")}


@cache
def _urdu_words() -> dict[str, str]:
    return tables.pairs("urdu_words")


def spell_alphabet(word: str) -> str:
    """A Cyrillic or Greek word in Devanagari.

    >>> spell_alphabet("Москва"), spell_alphabet("Ελλάδα")
    ('मोस्क्वा', 'एल्लादा')
    """
    letters = re.sub("[иы]й$", "и", _plain(word))
    units: list[str] = []
    place = 0
    while place < len(letters):
        size = 2 if letters[place : place + 2] in _units() else 1
        found = _units().get(letters[place : place + size], [])
        if letters[place] == "е" and (not units or units[-1] in _VOWELS or letters[place - 1] in "ъь"):
            units.append("य")  # Ельцин येल्त्सिन
        units += ["इ"] if letters[place] == "й" and letters[place + 1 : place + 2] else found
        place += size
    if units:
        units[-1] = _FINAL_SHORT.get(units[-1], units[-1])
    return compose(units)


def _plain(word: str) -> str:
    """Lower case, without accents; those of й and ї are letters of their own."""
    kept = (
        letter if letter in _units() else unicodedata.normalize("NFD", letter)[0]
        for letter in unicodedata.normalize("NFC", word.lower())
        if not unicodedata.combining(letter)
    )
    return "".join(kept)


def spell_urdu(word: str) -> str:
    """An Urdu word in Devanagari; short vowels that are not written are taken for schwas.

    >>> spell_urdu("سلام"), spell_urdu("فارسی")
    ('सलाम', 'फ़ारसी')
    """
    letters = unicodedata.normalize("NFC", word)
    if letters in _urdu_words():
        return _urdu_words()[letters]
    letters = re.sub(f"^{_AIN}[{_ALEF}]", _MADDA, letters)
    units: list[str] = []
    for place, letter in enumerate(letters):
        units += _urdu_unit(units, letter, letters[place + 1 : place + 2], first=place == 0)
    if len(units) > 1 and units[-1] == "अ":
        units.pop()
    return compose(units)


def _urdu_unit(units: list[str], letter: str, following: str, *, first: bool) -> list[str]:
    """What ``letter`` adds to ``units``, of which it may change the last. After each consonant stands its vowel."""
    open_ = units[-1:] == ["अ"]
    consonant_before = open_ and len(units) > 1
    before_vowel = bool(following) and following in _ALEF + _MADDA + _WAW + _YE + _BARI_YE
    if letter in _SHORT:
        if open_:
            units.pop()
        return [_SHORT[letter]]
    if letter == _SUKUN and open_:
        units.pop()
        return []
    if letter == _SHADDA and consonant_before:
        units.pop()
        return [units[-1], "अ"]
    if letter == _ASPIRATE and consonant_before:
        units[-2] = _ASPIRATED.get(units[-2], units[-2])
        return []
    if letter == _NUN_GHUNNA:
        return [ANUSVARA]
    vowel = _urdu_vowel(letter, first=first, open_=open_, before_vowel=before_vowel)
    if vowel is not None:
        if open_ and vowel[:1] not in ([], ["व"], ["य"]):
            units.pop()
        return vowel
    if letter in _HE and open_ and not following:  # پتہ पता
        units.pop()
        return ["आ"]
    consonant = _units().get(letter)
    return [*consonant, "अ"] if consonant else []


def _urdu_vowel(letter: str, *, first: bool, open_: bool, before_vowel: bool) -> list[str] | None:
    """The units of a letter that is a vowel, or a semivowel at the front and before a vowel; None for a consonant."""
    if letter == _MADDA:
        return ["आ"]
    if letter in _ALEF:
        return ([] if before_vowel else ["अ"]) if first else ["आ"]
    if letter == _AIN:
        if before_vowel:
            return []
        return ["अ"] if first else ["आ"] if open_ else ["इ"]
    if letter == _BARI_YE:
        return ["ए"]
    if letter in _WAW:
        return ["व", "अ"] if (first and not before_vowel) or before_vowel else ["ओ"]
    if letter in _YE:
        return ["य", "अ"] if (first and letter != "ئ") or (before_vowel and letter != "ئ") else ["ई"]
    return None


def _alphabet(match: re.Match[str], state: Context) -> Said | None:
    return _said(spell_alphabet(match[0]), match)


def _urdu(match: re.Match[str], state: Context) -> Said | None:
    return _said(spell_urdu(match[0]), match)


def _said(spoken: str, match: re.Match[str]) -> Said | None:
    """Nothing where no letter has a sound: ъ, digits and marks of Urdu."""
    return ((spoken,), match.end()) if spoken.strip(ANUSVARA) else None


TOKENS = (
    Token("s", rf"[{_CYRILLIC}][{_CYRILLIC}\u0300-\u036f]*", _alphabet),
    Token("s", rf"[{_GREEK}][{_GREEK}\u0300-\u036f]{{{greek.LONGEST_SYMBOLS},}}", _alphabet),
    Token("s", rf"[{_ARABIC}]+", _urdu),
)
