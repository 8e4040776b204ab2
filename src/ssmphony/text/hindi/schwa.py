"""Which inherent schwas are spoken."""

from __future__ import annotations

from ssmphony.text.hindi.graphemes import Phone


def delete(phones: list[Phone]) -> list[Phone]:
    """Final schwa falls, and from the right every schwa between V C _ C V (Ohala 1983)."""
    kept = list(phones)
    if len(kept) > 2 and kept[-1].inherent:
        kept.pop()
    position = len(kept) - 3
    while position >= 2:
        phone = kept[position]
        if (
            phone.inherent
            and kept[position - 2].vowel
            and not kept[position - 1].vowel
            and not kept[position + 1].vowel
            and kept[position + 2].vowel
        ):
            del kept[position]
        position -= 1
    return kept
