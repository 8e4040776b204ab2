"""Pronouncing lists of Hindi and the one inventory that transcriptions are folded to before they are compared.

Neither list is part of the project: WikiPron (https://github.com/CUNY-CL/wikipron, CC BY-SA), rows of
``word<TAB>phones``, and the phone dictionary of IIT Madras (https://github.com/smtiitm/Fastspeech2_HS, CC BY 4.0), rows
of ``word phones`` with one character a phone and the schwas that fall left out.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ssmphony.text.hindi.graphemes import ANUSVARA, CHANDRABINDU, NUKTA, VIRAMA, VISARGA

BOTH = {"ʂ": "ʃ", "ɲ": "n"}
LONG = {"a": "aː", "i": "iː", "u": "uː", "e": "eː", "o": "oː", "ɔ": "ɔː", "ɛ": "ɛː", "r": "ɾ", "t": "ʈ"}

_IITM_VOWELS = dict(zip("अ आ इ ई उ ऊ ऋ ए ऐ ओ औ ऑ ऍ".split(), "a A i I u U R E ऐ o औ ऑ ऍ".split(), strict=True))
_IITM_SIGNS = dict(zip("ा ि ी ु ू ृ े ै ो ौ ॉ ॅ".split(), "A i I u U R E ऐ o औ ऑ ऍ".split(), strict=True))
_IITM_CONSONANTS = dict(
    zip(
        "क ख ग घ ङ च छ ज झ ञ ट ठ ड ढ ण त थ द ध न प फ ब भ म य र ल व श ष स ह".split(),
        "k ख g घ ङ c C j J ञ ट ठ ड ढ ण t थ d ध n p P b B m y r l w श ष s h".split(),
        strict=True,
    )
)
_IITM_NUKTA = {"क": "क", "ख": "K", "ग": "G", "ज": "z", "ड": "D", "ढ": "T", "फ": "f"}
_IITM_OTHERS = {ANUSVARA: "q", CHANDRABINDU: "M", VISARGA: "H"}


def fold(phones: Sequence[str]) -> tuple[str, ...]:
    """A WikiPron transcription, or ours, in the common inventory.

    Tie bars and the off-glide ᵊ are dropped, vowel letters made one, ʂ is ʃ and ɲ is n.
    """
    text = unicodedata.normalize("NFD", " ".join(phones))
    text = text.replace("ɑ", "a").replace("\u0361", "").replace("ᵊ", "").replace("ʔ", "")
    text = re.sub("ə\u032f uː?", "ɔː", text.replace("ə\u032f i", "ɛː"))
    text = re.sub("t̪(?= tʃ)", "tʃ", re.sub("d̪(?= dʒ)", "dʒ", text))  # WikiPron's च्च, ज्ज
    folded = (unicodedata.normalize("NFC", phone) for phone in text.split())
    return tuple(LONG.get(phone, BOTH.get(phone, phone)) for phone in folded)


def distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Levenshtein distance."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def group(word: str) -> int:
    """A number that all words with the same first four letters share."""
    return zlib.crc32(word[:4].encode())


def read_wikipron(path: Path) -> dict[str, set[tuple[str, ...]]]:
    """The folded pronunciations of each word of a list."""
    listed: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        word, phones = line.split("\t")
        listed[unicodedata.normalize("NFC", word)].add(fold(phones.split()))
    return dict(listed)


def read_iitm(path: Path) -> dict[str, tuple[bool, ...]]:
    """Whether each inherent schwa of a word is spoken, for the words whose two spellings can be laid side by side."""
    found: dict[str, tuple[bool, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        word = unicodedata.normalize("NFC", word)
        schwas = _iitm_schwas(word, phones)
        if schwas:
            found.setdefault(word, schwas)
    return found


def _iitm_schwas(word: str, phones: str) -> tuple[bool, ...]:
    """Walk both spellings; nothing when they part."""
    kept: list[bool] = []
    place = 0
    for index, letter in enumerate(word):
        if letter in (VIRAMA, NUKTA):
            continue
        after = word[index + 1 : index + 3]
        consonant = letter in _IITM_CONSONANTS
        if consonant and after.startswith(NUKTA):
            expected, after = _IITM_NUKTA.get(letter, ""), after[1:]
        else:
            others = _IITM_VOWELS.get(letter) or _IITM_SIGNS.get(letter) or _IITM_OTHERS.get(letter, "")
            expected = _IITM_CONSONANTS[letter] if consonant else others
        if not expected or phones[place : place + 1] != expected:
            return ()
        place += 1
        if consonant and after[:1] != VIRAMA and after[:1] not in _IITM_SIGNS:
            spoken = phones[place : place + 1] == "a"
            place += spoken
            if after[:1] not in _IITM_OTHERS:
                kept.append(spoken)
    return tuple(kept) if place == len(phones) else ()
