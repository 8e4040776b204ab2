"""Syllables and the stressed one of a Hindi word, from its phones.

Of the consonants between two vowels the last begins the next syllable, and of three or more the last two when they are
a stop or fricative and r, j or ʋ. Stress falls on the heaviest syllable, superheavy before heavy before light, and of
equals on the last that does not end the word. The last consonant of a word adds no weight. After Pandey, "Word
accentuation in Hindi", Lingua 77 (1989), and Hussain, "Phonetic correlates of lexical stress in Urdu" (1997).
"""

from __future__ import annotations

from collections.abc import Sequence

from ssmphony.text.hindi.graphemes import VOWEL_SYMBOLS

Syllable = tuple[str, ...]
_SECOND_OF_ONSET = frozenset("ɾ j ʋ".split())
_FIRST_OF_ONSET = frozenset("k kʰ ɡ ɡʱ tʃ dʒ ʈ ɖ t̪ t̪ʰ d̪ d̪ʱ p pʰ b bʱ s ʃ ʂ f x q ɣ z".split())


def syllables(phones: Sequence[str]) -> tuple[Syllable, ...]:
    """The phones in syllables, one vowel each; consonants without any vowel are one syllable."""
    nuclei = [place for place, phone in enumerate(phones) if phone in VOWEL_SYMBOLS]
    if not nuclei:
        return (tuple(phones),) if phones else ()
    starts = [0]
    for before, after in zip(nuclei, nuclei[1:], strict=False):
        starts.append(_onset(phones, before + 1, after))
    return tuple(tuple(phones[start:stop]) for start, stop in zip(starts, [*starts[1:], len(phones)], strict=True))


def _onset(phones: Sequence[str], start: int, nucleus: int) -> int:
    """Where the syllable of ``nucleus`` begins; ``start`` is after the vowel before it."""
    consonants = nucleus - start
    if consonants >= 3 and phones[nucleus - 1] in _SECOND_OF_ONSET and phones[nucleus - 2] in _FIRST_OF_ONSET:
        return nucleus - 2
    return nucleus - min(consonants, 1)


def weight(syllable: Syllable) -> int:
    """1 light (a short open one), 2 heavy (a long vowel, or a short one and a consonant), 3 superheavy."""
    place = next((place for place, phone in enumerate(syllable) if phone in VOWEL_SYMBOLS), None)
    if place is None:
        return 1
    vowel = syllable[place]
    return min(3, (2 if vowel.endswith("ː") or vowel == "æ" else 1) + len(syllable) - place - 1)


def stressed(parts: Sequence[Syllable]) -> int:
    """The place of the stressed syllable; raises `ValueError` when there is none."""
    weights = [weight(part) for part in parts]
    if len(parts) > 1 and parts[-1][-1] not in VOWEL_SYMBOLS:
        weights[-1] -= 1  # the last consonant of a word adds no weight
    heaviest = max(weights)
    last = len(weights) - 1
    inner = [place for place, each in enumerate(weights) if each == heaviest and place != last]
    return inner[-1] if inner else last


def marked(phones: Sequence[str]) -> str:
    """IPA with a dot between syllables and a mark before the stressed one.

    >>> marked(("n", "ə", "m", "ə", "s", "t̪", "eː"))
    'nə.ˈməs.t̪eː'
    """
    parts = syllables(phones)
    if len(parts) < 2:
        return "".join(phones)
    strong = stressed(parts)
    return ".".join("ˈ" * (place == strong) + "".join(part) for place, part in enumerate(parts))
