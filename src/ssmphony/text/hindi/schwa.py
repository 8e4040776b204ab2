"""Which inherent schwas are spoken.

The rule of Ohala (1983): the final schwa falls, and then from right to left every schwa that stands between single
consonants with vowels beyond them, V C _ C V. `KEPT` names the patterns in which it stays all the same; each is a
function of the phones and the place of the schwa.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ssmphony.text.hindi.graphemes import SCHWA, Phone


def delete(phones: Sequence[Phone], keep_last: bool = False, keep_final: bool = False) -> list[Phone]:
    """The phones that are spoken.

    ``keep_last``: the last inner schwa is safe (plurals of consonant stems); ``keep_final``: the final one is (the
    first part of a compound that ends in a cluster: राज्य|सभा).
    """
    kept = list(phones)
    final = [kept.pop()] if len(kept) > 2 and kept[-1].inherent else []
    place = len(kept) - 3
    if keep_last and place >= 2 and kept[place].inherent:
        place -= 1
    while place >= 2:
        if _between_single_consonants(kept, place) and not any(keeps(kept, place) for keeps in KEPT):
            del kept[place]
        place -= 1
    return kept + final if keep_final else kept


def _between_single_consonants(phones: Sequence[Phone], place: int) -> bool:
    return (
        phones[place].inherent
        and phones[place - 2].vowel
        and not phones[place - 1].vowel
        and not phones[place + 1].vowel
        and phones[place + 2].vowel
    )


def _symbols(phones: Sequence[Phone], start: int, stop: int) -> list[str]:
    return [phone.symbol for phone in phones[max(0, start) : stop]]


def _makes_noun_in_karan(phones: Sequence[Phone], place: int) -> bool:
    """-करण: व्याकरण, एकीकरण."""
    return _symbols(phones, place - 1, place + 4) == ["k", SCHWA, "ɾ", SCHWA, "ɳ"]


def _is_gan(phones: Sequence[Phone], place: int) -> bool:
    """-गण-: गणित, गणक behind another part."""
    return _symbols(phones, place - 1, place + 2) == ["ɡ", SCHWA, "ɳ"]


def _ends_in_ti(phones: Sequence[Phone], place: int) -> bool:
    """Learned nouns in -ति: प्रगति, संगति."""
    return place + 3 == len(phones) and _symbols(phones, place + 1, place + 3) == ["t̪", "ɪ"]


def _ends_in_nit(phones: Sequence[Phone], place: int) -> bool:
    """Participles in -नित, -णित: जनित."""
    ending = _symbols(phones, place + 1, place + 4)
    return place + 4 == len(phones) and ending in (["n", "ɪ", "t̪"], ["ɳ", "ɪ", "t̪"])


def _echoes(phones: Sequence[Phone], place: int) -> bool:
    """The second half of an echo word keeps its schwa: लड़|खड़ा, गड़|गड़ा, so the first one falls."""
    if place != 5 or not all(phones[index].inherent for index in (1, 3, 5)) or phones[4].vowel:
        return False
    echo = phones[2].symbol
    return echo == phones[6].symbol and echo != "k"


def _ends_in_light_i(phones: Sequence[Phone], place: int) -> bool:
    """Four light syllables and a final -ī pair off: जन|वरी, मत|लबी; not those of verbs (निकल|ती)."""
    return (
        len(phones) == 8
        and place == 5
        and all(phones[index].inherent for index in (1, 3, 5))
        and phones[6].symbol not in ("n", "t̪")
        and phones[7].symbol == "iː"
    )


def _follows_sam(phones: Sequence[Phone], place: int) -> bool:
    """The root behind the prefix सं-, when it ends the word: सं|गठन, सं|कलन."""
    return (
        place == 3
        and place + 4 == len(phones)
        and phones[0].symbol == "s"
        and bool(phones[1].nasal)
        and phones[place + 2].symbol == SCHWA
    )


KEPT: tuple[Callable[[Sequence[Phone], int], bool], ...] = (
    _makes_noun_in_karan,
    _is_gan,
    _ends_in_ti,
    _ends_in_nit,
    _echoes,
    _ends_in_light_i,
    _follows_sam,
)
