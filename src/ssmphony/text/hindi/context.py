"""What a reader of the normaliser sees of the sentence around its token."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ssmphony.text.hindi.unicode import Cleaned

Said = tuple[tuple[str, ...], int]
"""The words of a token, and the place in the cleaned text up to which they speak it."""


@dataclass(frozen=True)
class Context:
    """A cleaned sentence, for readers to look around in."""

    cleaned: Cleaned

    def before(self, place: int) -> str:
        words = self.cleaned.text[max(0, place - 40) : place].split()
        return words[-1].strip(":-,.()") if words else ""

    def behind(self, place: int) -> str:
        words = re.split(r"[\s.,।?!]+", self.cleaned.text[place : place + 40].lstrip(), maxsplit=1)
        return words[0] if words else ""
