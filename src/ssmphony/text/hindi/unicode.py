"""Repair of Hindi text as it is really encoded, each character tied to the place it came from.

What is repaired: NFC; nukta before or after its vowel sign; vowel signs written in halves (ा + े is ो), after the
anusvara or, ि, before its consonant; doubled signs; the abbreviation sign ॰; ZWJ, ZWNJ and other invisible characters;
full-width and other digits; a colon for visarga (दु:ख); other Indic scripts, whose blocks run parallel to Devanagari,
letter for letter; the narrow and fixed blanks of 25 000, which become commas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import ANUSVARA, CHANDRABINDU, CONSONANTS, NUKTA, SIGNS, VIRAMA, VISARGA


@dataclass(frozen=True)
class Cleaned:
    """``text[i]`` stands for the characters ``starts[i]`` to ``ends[i]`` of the text that was cleaned."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The source span of ``text[start:stop]``, not empty."""
        return self.starts[start], self.ends[stop - 1]


_FAULTS = re.compile(
    r"[^\t\n\r -~\u0901-\u0903\u0905-\u0963]"
    r"|[\u093c\u0958-\u095f]|[\u0901-\u0903\u093a-\u094d\u0955-\u0957\u0962\u0963]{2}|[अ-औ][\u093a-\u094c]|:"
    r"|(?<![\u0900-\u0963])\u093f"
)
_GROUPED = re.compile(r"(?<![\d+])[1-9]\d{0,2}(?:[\u00a0\u2009\u202f]\d{3})+(?!\d)")
"""25 000 with a narrow or a fixed blank, and no number of a telephone."""
_WORD = re.compile(r"\S*")
"""What stands between blanks; no repair reaches across a blank."""
_LONGEST_KEPT = 40
"""How long a chunk may be whose repair is remembered."""
_SPLIT_VOWELS = tables.pairs("split_vowels")
VISARGA_STEMS = frozenset(row[0] for row in tables.rows("visarga"))
_SIGN_ORDER = {NUKTA: 0, VIRAMA: 1, ANUSVARA: 3, CHANDRABINDU: 3, VISARGA: 4}


def clean(text: str) -> Cleaned:
    """Repaired ``text``; a text that is fine already comes back as it is. Never raises; idempotent."""
    fault = _FAULTS.search(text)
    if fault is None:
        return Cleaned(text, range(len(text)), range(1, len(text) + 1))
    repaired: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    copied = 0
    while fault:
        first, stop = _chunk(text, copied, fault.start())
        chunk = text[first:stop]
        repair = _repair_known if len(chunk) <= _LONGEST_KEPT else _repair_chunk
        characters, before, after = repair(chunk)
        repaired += (text[copied:first], characters)
        starts += (*range(copied, first), *(first + place for place in before))
        ends += (*range(copied + 1, first + 1), *(first + place for place in after))
        copied = stop
        fault = _FAULTS.search(text, copied)
    repaired.append(text[copied:])
    starts += range(copied, len(text))
    ends += range(copied + 1, len(text) + 1)
    return Cleaned(_GROUPED.sub(_with_commas, _visarga("".join(repaired))), starts, ends)


def _with_commas(match: re.Match[str]) -> str:
    return re.sub(r"\D", ",", match[0])


def _chunk(text: str, first: int, place: int) -> tuple[int, int]:
    """From where to where a word stands that has a fault at ``place``, not before ``first``; or the blank there."""
    match = _WORD.match(text, place)
    if match is None or not match[0]:
        return place, place + 1
    start = place
    while start > first and not text[start - 1].isspace():
        start -= 1
    return start, match.end()


def _repair_chunk(text: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """What stands between blanks, repaired: its characters, and where in ``text`` each of them starts and ends."""
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end, cluster in _typed_in_order(_clusters(text)):
        repaired = _repair(cluster)
        exact = repaired == text[start:end]
        for place, character in enumerate(repaired):
            characters.append(character)
            starts.append(start + place if exact else start)
            ends.append(start + place + 1 if exact else end)
    return "".join(characters), tuple(starts), tuple(ends)


_repair_known = lru_cache(maxsize=5_000)(_repair_chunk)


def _clusters(text: str) -> list[tuple[int, int, str]]:
    """(start, end, letters): a letter with its marks; invisible characters fall away inside a cluster."""
    clusters: list[tuple[int, int, str]] = []
    for index, character in enumerate(text):
        letters = _letter(character)
        start, end, before = clusters[-1] if clusters else (0, -1, "")
        joined = end == index and before[:1].isalpha()
        if joined and (not letters or unicodedata.category(letters[0])[0] == "M"):
            clusters[-1] = (start, index + 1, before + letters)
        elif letters:
            clusters.append((index, index + 1, letters))
    return clusters


def _typed_in_order(clusters: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """A ि at the front of a word belongs after the consonants it was typed before, as old typewriters had it."""
    ordered: list[tuple[int, int, str]] = []
    for place, (start, end, cluster) in enumerate(clusters):
        begin = start
        if ordered and ordered[-1][2] == "":
            begin = ordered.pop()[0]
        if cluster == "ि" and (last := _first_syllable(clusters, place + 1)):
            clusters[last] = (*clusters[last][:2], clusters[last][2] + cluster)
            cluster = ""
        ordered.append((begin, end, cluster))
    return ordered


def _first_syllable(clusters: list[tuple[int, int, str]], place: int) -> int | None:
    """The cluster that ends the consonants from ``place`` on, where they bear no vowel yet."""
    for last in range(place, min(place + 4, len(clusters))):
        if VIRAMA not in clusters[last][2]:
            return last if _takes_vowel(clusters[last][2]) else None
    return None


def _takes_vowel(cluster: str) -> bool:
    return cluster[0] in CONSONANTS and not any(mark in SIGNS or mark == VIRAMA for mark in cluster[1:])


def _letter(character: str) -> str:
    """One character in the letters this frontend knows: digits in ASCII, compatibility forms in their plain ones."""
    if character.isascii() and (character.isprintable() or character.isspace()):
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Cs", "Cn", "Co") or (category == "Cc" and not character.isspace()):
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    code = ord(character)
    if "\u2160" <= character <= "\u217f" and (value := unicodedata.numeric(character)) < 60:
        return str(int(value))
    if character in _RUPEES:
        return _RUPEES[character]
    if 0x0980 <= code < 0x0D80:
        devanagari = _GURMUKHI.get(character) or chr(0x0900 + (code & 0x7F))
        return devanagari if unicodedata.category(devanagari)[0] == category[0] else ""
    if character.isspace():
        return character
    if "\u0900" <= character <= "\u097f" or character in _KEPT:
        return "." if character == "॰" else character
    if category[0] == "L" and (latin := _latin(character)):
        return latin
    if character in _PLAIN_FORMS:
        return _PLAIN_FORMS[character]
    plain = unicodedata.normalize("NFKC", character)
    if "⁄" in plain:
        return " " + plain  # the space keeps 2½ from becoming 21⁄2
    return "".join(letter for letter in plain if letter == character or unicodedata.category(letter)[0] not in "MC")


_GURMUKHI = {"ੰ": "ं"}
"""Signs without a partner in the same place of Devanagari: tippi."""
_LATIN_LETTERS: dict[str, str] = {
    "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ð": "d", "þ": "th", "ı": "i",
}  # fmt: skip
_KEPT = "ℏ…‼⁇⁈⁉⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ∬∭∮∯﷼"
_PLAIN_FORMS = {"™": "", "®": "", "©": "", "″": '"', "′": "'", "℃": "°C", "℉": "°F", "µ": "μ", "∕": "/", "∶": ":"}
"""Signs whose compatibility form would say something else."""
_RUPEES = {"৳": "৳", "৲": "₹", "૱": "₹", "௹": "₹", "₨": "₨"}
"""Signs of money, among them those inside the blocks of Indic scripts."""


def _latin(character: str) -> str:
    """A Latin letter without its accents; nothing for other alphabets."""
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return base if base.isalpha() else _LATIN_LETTERS.get(character, "")


def _repair(cluster: str) -> str:
    """NFC, signs in order and once, vowels whole."""
    if len(cluster) == 1:
        return unicodedata.normalize("NFC", cluster)
    base, marks = cluster[0], cluster[1:]
    decomposed = unicodedata.normalize("NFD", base)
    base, marks = decomposed[0], decomposed[1:] + marks
    if not "\u0900" <= base <= "\u097f":
        plain = unicodedata.normalize("NFD", cluster) if base.isascii() else cluster
        kept = "".join(letter for letter in plain if not (base.isascii() and unicodedata.combining(letter)))
        return unicodedata.normalize("NFC", kept)
    ordered = sorted(dict.fromkeys(unicodedata.normalize("NFD", marks)), key=lambda mark: _SIGN_ORDER.get(mark, 2))
    if any(mark in SIGNS for mark in ordered) and VIRAMA in ordered:
        ordered.remove(VIRAMA)
    if ANUSVARA in ordered and CHANDRABINDU in ordered:
        ordered.remove(ANUSVARA)
    if NUKTA in ordered and unicodedata.normalize("NFC", base + NUKTA) not in CONSONANTS:
        ordered.remove(NUKTA)
    return unicodedata.normalize("NFC", _whole_vowel(base + "".join(ordered)))


def _whole_vowel(syllable: str) -> str:
    """The halves of vowels joined, and the first vowel sign alone kept of those that join to none."""
    before = ""
    while syllable != before:
        before = syllable
        for halves, whole in _SPLIT_VOWELS.items():
            syllable = syllable.replace(halves, whole)
        signs = [place for place, mark in enumerate(syllable) if mark in SIGNS]
        if len(signs) > 1:
            syllable = syllable[: signs[1]] + syllable[signs[1] + 1 :]
    return syllable


_COLON = re.compile(r"(?<![\u0905-\u0939\u093c-\u094d])([\u0905-\u0939\u093c-\u094d]{1,15}):")


def _visarga(text: str) -> str:
    """A colon after one of the stems that take a visarga is one (दु:ख, अत:)."""
    return _COLON.sub(lambda match: match[1] + VISARGA if match[1] in VISARGA_STEMS else match[0], text)
