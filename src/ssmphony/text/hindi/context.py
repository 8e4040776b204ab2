"""What a reader of the normaliser is given: the sentence around its token and the style; and what a token is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ssmphony.text.hindi.unicode import Cleaned

DEVANAGARI = r"[\u0900-\u0903\u0905-\u0963\u0971-\u097f]"
"""A letter or sign of a Hindi word: no danda, no digit, no avagraha at the front of the block."""

POSTPOSITIONS = frozenset("में पर से को का के की तक ने".split())
"""The words before them are in the oblique case."""
AFTER_OBLIQUE = POSTPOSITIONS | frozenset("वाला वाली वाले बाद पहले".split())
"""And what takes that case where it follows a noun."""

_OPERAND = re.compile(r"\s{0,2}(?=[-−+]?\s?[\d₹$€£¥√∛.]|[A-Za-zΑ-ω\u0904-\u0939])")

Said = tuple[tuple[str, ...], int]
"""The words of a token, and the place in the cleaned text up to which they speak it."""


@dataclass(frozen=True)
class ReadingStyle:
    """Where good readers differ; the default is what is said more often."""

    years: Literal["hundreds", "thousands"] = "hundreds"
    """1947 as उन्नीस सौ सैंतालीस, as history and news have it, or एक हज़ार नौ सौ सैंतालीस."""
    phones: Literal["single", "pairs"] = "single"
    """Digits of telephone numbers one by one, which is understood best, or in pairs."""
    clock: Literal["everyday", "formal"] = "everyday"
    """8:45 as पौने नौ बजे, as people say it, or आठ बजकर पैंतालीस मिनट."""
    fractions: Literal["everyday", "formal"] = "everyday"
    """4.5 लाख as साढ़े चार लाख, as people say it, or चार दशमलव पाँच लाख."""
    emoji: Literal["silent", "named"] = "silent"
    """Silent, since most stand for a tone of voice, or spoken by name."""
    nineties: Literal["ve", "be"] = "ve"
    """91 to 99 as इक्यानवे … निन्यानवे, the standard of the Central Hindi Directorate, or इक्यानबे … निन्यानबे."""
    yards: Literal["gaj", "yard"] = "gaj"
    """yd as गज, in which India measures land and cloth, or यार्ड, as sport has it."""
    bytes: Literal["letters", "words"] = "letters"
    """5 GB as पाँच जीबी, as people say it, or पाँच गीगाबाइट."""


@dataclass(frozen=True)
class Context:
    """A cleaned sentence, for readers to look around in."""

    cleaned: Cleaned
    style: ReadingStyle = ReadingStyle()
    reader: Callable[[int, Context], Said | None] = lambda place, state: None
    """Reads the token at a place: for signs whose words follow what is written after them (≥ 18)."""

    @property
    def text(self) -> str:
        return self.cleaned.text

    def before(self, place: int) -> str:
        """The word before ``place``, without marks."""
        words = self.words_before(place)
        return words[-1] if words else ""

    def words_before(self, place: int) -> list[str]:
        """The words of the 40 characters before ``place``, without marks."""
        written = self.text[max(0, place - 40) : place].split()
        return [bare for word in written if (bare := word.strip(":-–,.()#[]"))]

    def after(self, place: int) -> str:
        """The word after ``place``, without marks."""
        words = self.words_after(place)
        return words[0] if words else ""

    def words_after(self, place: int) -> list[str]:
        """The words of the 40 characters after ``place``, without marks; none after a sentence or clause mark."""
        return [word for word in re.split(r"[\s.,।?!();]+", self.text[place : place + 40].lstrip(" -")) if word]

    def operand(self, place: int) -> Said | None:
        """The words of the number or word at ``place``, blanks before it left out; None where none stands there."""
        match = _OPERAND.match(self.text, place)
        said = self.reader(match.end(), self) if match else None
        return said if said and said[0] else None

    def character(self, place: int) -> str:
        """The character at ``place``, or nothing."""
        return self.text[place] if 0 <= place < len(self.text) else ""


@dataclass(frozen=True)
class Token:
    """A kind of token: what its first character is, its pattern, and who reads it.

    ``first`` holds ``d`` for a digit, ``h`` for a Devanagari letter, ``l`` for a Latin one, ``s`` for any other sign.
    A reader that returns None leaves the place to the next kind; one that returns no words has found a pause.
    """

    first: str
    pattern: str
    read: Callable[[re.Match[str], Context], Said | None]

    @cached_property
    def match(self) -> Callable[[str, int], re.Match[str] | None]:
        """Match the pattern at a place of a text. Compiled on first use, for a fast import."""
        return re.compile(self.pattern).match
