"""The lexicon of a single request: the format of ``ssmphony say --lexicon``, in a field of the body.

What strangers send is bounded more tightly than a file: looking words up must stay cheaper than speaking them.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from ssmphony.engine import Engine
from ssmphony.interfaces import Frontend
from ssmphony.server.errors import ApiError
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError

MAX_CHARACTERS = 20_000
MAX_LINE_CHARACTERS = 200
MAX_LINES_OF_A_WORD = 16

LexiconField = Annotated[
    str | dict[str, str] | None,
    Field(
        description="How words are said, for this request only: lines of word, tab, phones or Devanagari respelling, "
        "and perhaps tab, context; or an object of words and what they sound like. It wins over every other lexicon. "
        f"Up to {MAX_CHARACTERS} characters.",
        examples=["nvidia\tएनविडिया\n", {"IT": "आई टी"}],
    ),
]


async def frontend_with(engine: Engine, voice: str, lexicon: str | dict[str, str] | None) -> Frontend | None:
    """What reads the text of a request: None is the voice's own frontend. Raises `ApiError` for a bad lexicon."""
    if not lexicon:
        return None
    try:
        entries = await asyncio.to_thread(parse, lexicon)
        return engine.voices[voice].frontend.with_lexicon(entries)
    except SsmphonyError as error:
        raise ApiError(400, str(error), "invalid_lexicon", "lexicon") from None


def parse(lexicon: str | dict[str, str]) -> Lexicon:
    """Raises `SsmphonyError` with the line, or the number of the entry, and the remedy."""
    lines = _lines(lexicon)
    size = sum(len(line) + 1 for line in lines)
    if size > MAX_CHARACTERS + 1:
        raise SsmphonyError(f"the lexicon has {size} characters: a request may bring {MAX_CHARACTERS}")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise SsmphonyError(
                f"lexicon, line {number}: {len(line)} characters, where {MAX_LINE_CHARACTERS} may stand"
            )
    entries = Lexicon.parse(lines)
    for word, same in entries.entries.items():
        if len(same) > MAX_LINES_OF_A_WORD:
            raise SsmphonyError(f"lexicon: '{word}' has {len(same)} lines, where {MAX_LINES_OF_A_WORD} may stand")
    return entries


def _lines(lexicon: str | dict[str, str]) -> list[str]:
    if isinstance(lexicon, str):
        return lexicon.removeprefix("\ufeff").split("\n")
    for number, (word, said) in enumerate(lexicon.items(), start=1):
        if not word.strip() or word.startswith("#") or any(sign in word + said for sign in "\t\n"):
            raise SsmphonyError(f"lexicon, entry {number}: give a word and its phones or a Devanagari respelling")
    return [f"{word}\t{said}" for word, said in lexicon.items()]
