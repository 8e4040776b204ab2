"""Speech Synthesis Markup Language 1.1 (W3C): the subset that changes how a text sounds, for any frontend.

>>> is_ssml("<speak>नमस्ते</speak>"), is_ssml('<?xml version="1.0"?> <speak/>'), is_ssml("3 < 5")
(True, True, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain

from ssmphony.errors import SsmphonyError
from ssmphony.text.sentences import CUT
from ssmphony.text.ssml.document import Document
from ssmphony.text.ssml.prolog import read_head, recognise
from ssmphony.text.ssml.reader import SayAs, parse
from ssmphony.tokens import Mark, Prosody, Tokens

__all__ = ["Document", "SayAs", "is_ssml", "parse", "read_head", "recognise", "sentences"]

MAX_CHARACTERS = 1_000_000


def is_ssml(text: str) -> bool:
    """Whether a text is a document: its root is ``<speak``, see `recognise`. Any other text is plain."""
    return recognise(text) is True


def sentences(
    document: str | Iterable[str], plain: Callable[[str], Iterator[Tokens]], say_as: SayAs, phones: bool = True
) -> Iterator[Tokens]:
    """The sentences of a document, whose plain text ``plain`` reads, with what it says of them. Without ``phones``,
    what a ``<phoneme>`` encloses is spoken.

    The document is read to its end before it is spoken. Raises `SsmphonyError`, with line and column, for what is not
    well-formed, not known or out of range in it.
    """
    text = _gather((document,) if isinstance(document, str) else document)
    yield from _tokens(parse(text, say_as, phones), plain)


def _gather(pieces: Iterable[str]) -> str:
    document: list[str] = []
    length = 0
    for piece in pieces:
        document.append(piece)
        length += len(piece)
        if length > MAX_CHARACTERS:
            raise SsmphonyError(f"SSML: a document may have {MAX_CHARACTERS:,} characters: speak it in parts")
    return "".join(document)


def _tokens(document: Document, plain: Callable[[str], Iterator[Tokens]]) -> Iterator[Tokens]:
    """The sentences of the plain text, with what the document says of them and of what lies after them."""
    sentence, start = Tokens((), ()), 0  # before the first sentence there may be silence and marks
    breaks_s = sum(seconds for _, seconds in document.breaks)
    for following in chain(plain(document.text), (None,)):
        stop = len(document.text) + 1 if following is None else following.start
        pause_s = sentence.pause_after_s + sum(pause for place, pause in document.breaks if start <= place < stop)
        marks = tuple(Mark(name, _token(sentence, place)) for place, name in document.marks if start <= place < stop)
        if len(sentence) or pause_s or marks:
            yield replace(_placed(document, sentence), pause_after_s=pause_s, marks=marks, breaks_s=breaks_s)
            breaks_s = 0.0
        if following is not None:
            sentence, start = following, stop


def _token(sentence: Tokens, place: int) -> int:
    """The first token of the first word after a place of the plain text."""
    return next((word.first for word in sentence.words if word.start >= place), len(sentence))


def _placed(document: Document, sentence: Tokens) -> Tokens:
    """A sentence of the plain text as one of the document: its places there, and how each token is spoken."""
    prosody: list[Prosody] = []
    for word in sentence.words:  # what stands between words is spoken like the word before it
        said = document.at(word.start).prosody
        prosody += [prosody[-1] if prosody else said] * (word.first - len(prosody))
        prosody += [said] * (word.stop - word.first)
    prosody += prosody[-1:] * (len(sentence) - len(prosody))
    words = tuple(replace(word, **_span(document, word.start, word.end)) for word in sentence.words)
    return replace(
        sentence,
        words=words,
        text=sentence.text.replace(CUT, " "),
        prosody=tuple(prosody) if any(part != Prosody() for part in prosody) else (),
        speaker=document.at(sentence.words[0].start).speaker if sentence.words else None,
        **_span(document, sentence.start, sentence.end),
    )


def _span(document: Document, start: int, end: int) -> dict[str, int]:
    return dict(zip(("start", "end"), document.span(start, end), strict=True))
