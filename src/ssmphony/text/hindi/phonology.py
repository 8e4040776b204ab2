"""Sound rules between neighbouring phones: nasals, palatals, vowels beside ɦ."""

from __future__ import annotations

import unicodedata

from ssmphony.text.hindi.graphemes import ANUSVARA, Phone

HOMORGANIC = {
    **dict.fromkeys("k kʰ ɡ ɡʱ q x ɣ ŋ".split(), "ŋ"),
    **dict.fromkeys("tʃ tʃʰ dʒ dʒʱ ɲ".split(), "n"),
    **dict.fromkeys("ʈ ʈʰ ɖ ɖʱ ɳ".split(), "ɳ"),
    **dict.fromkeys("p pʰ b bʱ m ʋ".split(), "m"),
}


def nasalise(phones: list[Phone]) -> list[Phone]:
    """Anusvara before a consonant is the nasal of its place; elsewhere, and chandrabindu, a nasal vowel."""
    spoken: list[Phone] = []
    for position, phone in enumerate(phones):
        spoken.append(phone)
        if not phone.nasal:
            continue
        following = phones[position + 1] if position + 1 < len(phones) else None
        if phone.nasal == ANUSVARA and following is not None and not following.vowel:
            spoken.append(Phone(HOMORGANIC.get(following.symbol, "n"), phone.index))
        else:
            phone.symbol = unicodedata.normalize("NFC", phone.symbol.replace("ː", "") + "\u0303")
            if phone.symbol[0] not in "əɪʊ":
                phone.symbol += "ː"
            if phone.symbol.startswith("æ"):
                phone.symbol = unicodedata.normalize("NFC", "ɛ\u0303ː")
    return spoken
