"""Documents of SSML in the input of ``ssmphony text``, where each line is a text of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

Recognise = Callable[[str], "bool | None"]
"""Whether a text, of which this is the beginning, is a document; None where that needs more of it."""
_END = re.compile(r"</(?:[\w.-]+:)?speak\s*>|<(?:[\w.-]+:)?speak\b[^<>]*/>")


def texts(lines: Iterable[str], recognise: Recognise) -> Iterator[str]:
    """``lines``, of which those of a document are one text, as soon as it ends."""
    held: list[str] = []
    document: bool | None = None
    for line in lines:
        held.append(line)
        if not document:
            document = recognise("\n".join(held)) if line.strip() or len(held) > 1 else False
        if document is False or (document and _END.search(line)):
            yield from ("\n".join(held),) if document else held
            held, document = [], None
    yield from ("\n".join(held),) if document else held
