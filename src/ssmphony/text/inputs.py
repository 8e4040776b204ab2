"""What a frontend is given to speak: plain text, or a document of SSML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ssmphony.text import ssml
from ssmphony.tokens import Tokens


def sentences(
    text: str | Iterable[str],
    plain: Callable[[str | Iterable[str]], Iterator[Tokens]],
    say_as: ssml.SayAs,
    phones: bool = True,
) -> Iterator[Tokens]:
    """The sentences of ``text``.

    Args:
        text: plain text or SSML, whole or in pieces; plain text is spoken as it arrives.
        plain: a frontend's reader of plain text.
        say_as: its reader of ``<say-as>``.
        phones: whether it reads phones; without, the writing in a ``<phoneme>`` is spoken.

    Raises:
        SsmphonyError: SSML is not well-formed, not known or out of range, with line and column.
    """
    is_document, text = ssml.read_head(text)
    yield from ssml.sentences(text, plain, say_as, phones) if is_document else plain(text)
