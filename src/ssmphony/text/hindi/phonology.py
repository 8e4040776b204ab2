"""Sound rules between neighbouring phones: nasals, geminates of aspirates, final short vowels, vowels next to ɦ.

Ohala, "Aspects of Hindi Phonology" (1983); Pandey, "Hindi schwa deletion", Lingua 82 (1990).
"""

from __future__ import annotations

import unicodedata

from ssmphony.text.hindi.graphemes import ANUSVARA, SCHWA, VOWEL_SYMBOLS, Phone

HOMORGANIC = {
    **dict.fromkeys("k kʰ ɡ ɡʱ q x ɣ ŋ ɦ".split(), "ŋ"),
    **dict.fromkeys("ʈ ʈʰ ɖ ɖʱ ɳ".split(), "ɳ"),
    **dict.fromkeys("p pʰ b bʱ m ʋ f".split(), "m"),
}
"""The nasal of a consonant's place; before every other consonant it is n."""

CHANDRABINDU_STOPS = frozenset("ɡ ɡʱ dʒ dʒʱ b bʱ d̪ʱ ɖʱ".split())
"""Before these a nasal vowel ends in a nasal consonant: ँग is ŋɡ (मँगवाना), ँध is nd̪ʱ (गाँधी)."""

BINDU_VOWELS = frozenset("iː uː eː ɛː oː ɔː".split())
"""Vowels whose sign leaves no room for a chandrabindu above (or that are native when nasal): before anything but a
voiced stop their anusvara is a nasal vowel (खींच, फेंक, चौंक)."""

LOAN_NASALS = frozenset(
    {("eː", "ʈ"), ("eː", "s"), ("eː", "tʃ"), ("eː", "ʃ"), ("ɛː", "k"), ("ɛː", "p"), ("ɛː", "ʈ"), ("ɛː", "ʃ")}
)
"""But these come with English words and keep the consonant (एजेंट, लाइसेंस, बेंच, पेंशन, बैंक, पैंट)."""

VOICED_STOPS = frozenset("ɡ ɡʱ dʒ dʒʱ ɖ ɖʱ d̪ d̪ʱ b bʱ".split())
CLOSED_BY_NASAL = frozenset("ɦ ɽ ɽʱ ɾ m n".split())
"""After aː ʊ ɪ, an anusvara before these is a nasal vowel as well (बांह, मुंह, मांड़ी)."""


def nasal_vowel(vowel: str) -> str:
    """The nasal partner of a vowel in the inventory; æ, which has none, gives ɛ̃ː."""
    bare = "ɛ" if vowel == "æ" else vowel.removesuffix("ː")
    length = "ː" if vowel.endswith("ː") or vowel == "æ" else ""
    return unicodedata.normalize("NFC", bare + "\u0303") + length


def _nasal_consonant(phone: Phone, following: Phone | None) -> str:
    """The consonant that the nasal sign of ``phone`` stands for, or nothing when the vowel itself is nasal."""
    if following is None or following.vowel:
        final = following is None and phone.nasal == ANUSVARA and phone.symbol == SCHWA
        return "m" if final else ""
    if phone.nasal != ANUSVARA:
        spoken = following.symbol in CHANDRABINDU_STOPS
    elif phone.symbol in BINDU_VOWELS:
        spoken = following.symbol in VOICED_STOPS or (phone.symbol, following.symbol) in LOAN_NASALS
    elif phone.symbol == "ɪ" and following.symbol == "ɦ":
        following.symbol = "ɡʱ"  # सिंह
        spoken = True
    else:
        spoken = phone.symbol == SCHWA or following.symbol not in CLOSED_BY_NASAL
    return HOMORGANIC.get(following.symbol, "n") if spoken else ""


def nasalise(phones: list[Phone]) -> list[Phone]:
    """Speak every nasal sign, as a nasal consonant of the place of what follows or as a nasal vowel."""
    spoken: list[Phone] = []
    for position, phone in enumerate(phones):
        following = phones[position + 1] if position + 1 < len(phones) else None
        consonant = _nasal_consonant(phone, following) if phone.nasal else ""
        if phone.nasal and not consonant:
            phone.symbol = nasal_vowel(phone.symbol)
        spoken.append(phone)
        if consonant:
            spoken.append(Phone(consonant, phone.index))
    return spoken


def join(phones: list[Phone]) -> list[Phone]:
    """The phones of a word as they sound next to each other, by the rules of this page."""
    spoken = nasalise(phones)
    if spoken:
        spoken = aspirate(spoken)
        lengthen_final(spoken)
        double_aspirates(spoken)
    return spoken


BREATH = {"ʈ": "ʈʰ", "ɖ": "ɖʱ", "ɽ": "ɽʱ", "t̪": "t̪ʰ", "d̪": "d̪ʱ", "tʃ": "tʃʰ"}


def aspirate(phones: list[Phone]) -> list[Phone]:
    """A stop and the ɦ that a fallen schwa brings to it are one aspirate before ə and aː: कटहल kəʈʰəl, पचहत्तर."""
    spoken: list[Phone] = []
    for position, phone in enumerate(phones):
        after = phones[position + 1].symbol if position + 1 < len(phones) else ""
        if phone.symbol == "ɦ" and after in (SCHWA, "aː") and spoken and spoken[-1].symbol in BREATH:
            spoken[-1].symbol = BREATH[spoken[-1].symbol]
        else:
            spoken.append(phone)
    return spoken


FINAL_LENGTH = {"ɪ": "iː", "ʊ": "uː"}


def lengthen_final(phones: list[Phone]) -> None:
    """A word-final short i or u is long (शक्ति, किन्तु), except in the words of one open syllable (कि)."""
    last = phones[-1]
    if last.symbol in FINAL_LENGTH and sum(phone.vowel for phone in phones) > 1:
        last.symbol = FINAL_LENGTH[last.symbol]


def double_aspirates(phones: list[Phone]) -> None:
    """The first half of a written aspirate pair has no breath of its own: ख्ख is kkʰ."""
    for first, second in zip(phones, phones[1:], strict=False):
        if first.symbol == second.symbol and first.symbol[-1] in "ʰʱ":
            first.symbol = first.symbol[:-1]


def front_before_h(phones: tuple[str, ...], visarga: bool) -> tuple[str, ...]:
    """ə before a ɦ that closes its syllable, and on both sides of ɦ early in a word, is [ɛ] (कहना, शहर).

    The inventory writes it ɛː. ``visarga``: the word ends in one, whose ə stays (अतः).
    """
    spoken = list(phones)
    for place in range(len(phones) - 1):
        if phones[place] != SCHWA or phones[place + 1] != "ɦ":
            continue
        after = phones[place + 2] if place + 2 < len(phones) else ""
        if after == SCHWA and place + 3 < len(phones):
            if place > 1:
                continue
            spoken[place] = spoken[place + 2] = "ɛː"
        elif not after and visarga:
            continue
        elif after not in VOWEL_SYMBOLS and (after or place > 0):
            spoken[place] = "ɛː"
    return tuple(spoken)
