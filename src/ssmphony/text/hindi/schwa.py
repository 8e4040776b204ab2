"""Which inherent schwas are spoken.

The final schwa falls, and then from right to left (Ohala 1983) every other one is decided: a schwa between single
consonants with vowels beyond them, V C _ C V, mostly falls. Compounds, prefixes, plurals and learned words make
exceptions that no short rule covers, so a linear model weighs what is around the schwa (`schwa_features`) by the table
``schwa_weights.tsv``, which `tools/train_schwa.py` learns from pronouncing dictionaries. Only certain cases are rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import repeat

from ssmphony.text.hindi import morphology, schwa_features, tables
from ssmphony.text.hindi.graphemes import NUKTA, Phone
from ssmphony.text.hindi.schwa_features import UNDECIDED, VOWELS
from ssmphony.text.hindi.unicode import VISARGA_STEMS

_PLURALS = ("ों", "ें", "स", "्स")
_SANSKRIT = re.compile(r"(?:[क-ह](?:म्|ं)|(?<!त)ः)\Z")
"""How words of Sanskrit end that Hindi does not have; adverbs in -तः (विशेषतः) are Hindi."""
_STOPS = frozenset(schwa_features.LETTERS[phone] for phone in "k p b ʈ ɖ tʃ m".split())
"""What follows ex- in English words: एक्सपर्ट, एक्सटर्नल; not एक्सरसाइज़."""


@cache
def weights() -> dict[str, int]:
    """How much each feature speaks for keeping a schwa; read when it is first needed."""
    return {feature: int(weight) for feature, weight in tables.pairs("schwa_weights").items()}


def delete(phones: Sequence[Phone], word: str) -> list[Phone]:
    """The phones of ``word`` that are spoken."""
    kept = decide(phones, word, _weigh)
    return [phone for phone, spoken in zip(phones, kept, strict=True) if spoken]


def decide(phones: Sequence[Phone], word: str, judge: Callable[[int, list[str]], bool]) -> list[bool]:
    """Whether each phone is spoken; ``judge`` is asked, from right to left, about each schwa that no rule settles.

    It is given the schwa's position and its features (see `schwa_features`), and answers whether the schwa stays.
    """
    kept = [True] * len(phones)
    if _is_sanskrit(word):
        return kept
    text, schwas = schwa_features.encode(phones)
    letters = morphology.bare(word)
    right, end = "", len(text)
    for position, place in reversed(schwas):
        left, right, end = text[:place], text[place + 1 : end] + right, place
        if VOWELS.isdisjoint(left):
            break  # the first vowel of a word is spoken
        index = phones[position].index
        letter = index - word.count(NUKTA, 0, index)
        if not right or (left == "eks" and right[0] in _STOPS) or _before_second_part(letters[letter + 1 :]):
            spoken = False
        elif (
            right == "ti" or _after_cluster(left, right) or _echoes(left, right) or _names(word, index)
        ):  # learned words in -ति: प्रगति, राष्ट्रपति
            spoken = True
        else:
            features = schwa_features.around(left, right)
            features += schwa_features.inside(letters, letter, left, right)
            spoken = judge(position, features)
        kept[position] = spoken
        right = "a" + right if spoken else right
    return kept


def _is_sanskrit(word: str) -> bool:
    """Whether the ending tells a word of Sanskrit, whose schwas all stay: विनयम्, नगरं, जनकः, निरामयाः.

    After a long vowel, a word that Hindi has without the visarga ends in a colon (मामलाः).
    """
    if not _SANSKRIT.search(word) or word[:-1] in VISARGA_STEMS:
        return False
    return word[-2] not in "ाीूेैोौ" or word[:-1] not in morphology.words()


def _after_cluster(left: str, right: str) -> bool:
    """A schwa between a consonant with r and another consonant cannot fall: विनम्र|ता, चित्र|कार."""
    return left.endswith("r") and left[-2:-1] not in VOWELS and left[-2:-1] not in "~h" and right[0] not in VOWELS


def _before_second_part(rest: str) -> bool:
    """Whether what follows the schwa is the second part of such a compound, perhaps a plural: हेल्प|लाइन."""
    parts = _second_parts()
    return rest in parts or any(rest.endswith(ending) and rest[: -len(ending)] in parts for ending in _PLURALS)


@cache
def _second_parts() -> frozenset[str]:
    return frozenset(tables.keys("second_parts"))


def _weigh(_: int, features: list[str]) -> bool:
    return sum(map(weights().get, features, repeat(0))) > 0


def _names(word: str, index: int) -> bool:
    """The ends of names in -ावती (मायावती; not दावती) and of collections in -ावली (शब्दावली; not बावली, उतावली)."""
    ending = (word.endswith("ावती") and len(word) > len("दावती")) or (
        word.endswith("ावली") and len(word) > len("उतावली")
    )
    return ending and index == len(word) - 3


def _echoes(left: str, right: str) -> bool:
    """The second half of an echo word keeps its schwa: लड़|खड़ा, गड़|गड़ा, so the first one falls."""
    return (
        len(left) == 5
        and left[1] == left[3] == UNDECIDED
        and left[2] == right[0]
        and left[2] not in VOWELS
        and left[4] not in VOWELS
        and left[2] != "k"
    )
