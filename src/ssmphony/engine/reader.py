"""Sentences of a text that is still being written, as soon as they are certain, without ever waiting for more.

A frontend reads lazily and would block at the end of what is written. Here it is given the text so far and interrupted
at its end; when more has come it restarts after the last sentence, which is possible because sentences are independent
(`Frontend.sentences`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ssmphony.interfaces import Frontend
from ssmphony.text.sentences import CLAUSE, CUT, ENDS, MAX_CHARACTERS
from ssmphony.text.ssml.prolog import begins_with_markup, recognise
from ssmphony.types import Tokens

WINDOW = 2 * MAX_CHARACTERS
"""Characters that a frontend is given at once: enough for a whole sentence, and little that is read twice."""


class _Unwritten(Exception):
    """The frontend wants more text than there is."""


@dataclass
class ClauseCutter:
    """Ends a sentence at each clause mark, but only the first sentence of a text: its sound can begin earlier.

    A blank after the mark becomes `CUT`, so that no place in the text moves. What is cut depends on the text alone.
    A text that begins with ``<``, which may be a document of markup, is left as it is.

    >>> cutter = ClauseCutter()
    >>> [cutter.feed(piece) for piece in ("हाँ,", " राम, आओ। अच्छा, ", "चलो।")]
    ['हाँ,', '\\x1fराम,\\x1fआओ। अच्छा, ', 'चलो।']
    """

    seen: str = ""
    """The text before, while it may still be cut."""
    open: bool = True

    def feed(self, piece: str) -> str:
        if not self.open:
            return piece
        text = self.seen + piece
        end = ENDS.search(text, len(self.seen))
        stop = min(end.start() if end else len(text), WINDOW)
        before, plain = len(self.seen), not begins_with_markup(text)
        cut = list(text)
        for clause in CLAUSE.finditer(text, 0, stop if plain else 0):
            cut[clause.end()] = CUT
        self.open = plain and stop == len(text)
        self.seen = text if self.open else ""
        return "".join(cut[before:])


@dataclass
class TextReader:
    """`write`, `flush` and `finish` bring text in, `next` brings sentences out. Not for threads to share.

    ``segments`` are what `flush` parts: each is read as if it were a text of its own. ``place`` is where in the whole
    text the first of them begins, and ``passed`` how many sentences of it have been returned since. These fields are
    all that a reader needs to go on where another stopped.
    """

    frontend: Frontend
    clauses: bool = False
    segments: list[str] = field(default_factory=lambda: [""])
    place: int = 0
    passed: int = 0
    inside: bool = False
    """The first segment begins inside a text, where a document of markup cannot begin."""
    finished: bool = False
    cutter: ClauseCutter = field(default_factory=ClauseCutter)

    def __post_init__(self) -> None:
        self._run: Iterator[Tokens] | None = None
        self._skip, self._shift, self._end = self.passed, 0, 0
        self._window = WINDOW
        self._tried = -1

    @property
    def done(self) -> bool:
        """Everything has been read."""
        return self.finished and not any(self.segments)

    def write(self, text: str) -> None:
        self.segments[-1] += self.cutter.feed(text) if self.clauses else text

    def flush(self) -> None:
        """End the text here, though more may follow: what has no end yet is spoken as it is."""
        if self.segments[-1]:
            self.segments.append("")
        self.cutter = ClauseCutter()

    def finish(self) -> None:
        self.finished = True

    def next(self) -> Tokens | None:
        """The next sentence, with its places in the whole text; None where nothing more is certain yet.

        Raises what the frontend raises, `SsmphonyError` for markup that it refuses.
        """
        while self._run is not None or self._begin():
            assert self._run is not None
            try:
                tokens = next(self._run)
            except _Unwritten:
                self._run = None
                if not self._drop_read():
                    return None
            except StopIteration:
                self._run = None
                self._drop(len(self.segments[0]))
                self._next_segment()
            else:
                self._end = tokens.end
                if self._skip == 0:
                    self.passed += 1
                    return _moved(tokens, self._shift)
                self._skip -= 1
        return None

    def _begin(self) -> bool:
        """Give the frontend the text of the first segment; False where there is nothing new."""
        text = self.segments[0]
        closed = self.finished or len(self.segments) > 1
        if not text:
            if len(self.segments) > 1:
                self._next_segment()
                return self._begin()
            return False
        grown = len(text) - self._tried
        if not closed and (grown <= 0 or (self._tried >= WINDOW and grown < self._tried)):
            return False  # a long text without a sentence is read again only at twice the length
        piece = text[: self._window]
        whole = closed and len(piece) == len(text)
        markup = self.inside and begins_with_markup(piece) and recognise(piece) is not False
        before = self.frontend.stop if markup else ""  # keeps it from being read as a document
        self._shift, self._end = self.place - len(before), 0
        self._run = self.frontend.sentences(_pieces(before + piece, whole))
        return True

    def _drop_read(self) -> bool:
        """Drop what a frontend read before it ran out of text. False where more must be written first."""
        read = self._end + self._shift - self.place
        if read > 0:
            self._drop(read)
            return True
        if self._window < len(self.segments[0]):
            self._window *= 2
            return True
        self._tried = len(self.segments[0])
        return False

    def _drop(self, count: int) -> None:
        self.segments[0] = self.segments[0][count:]
        self.place += count
        self.passed, self.inside = self._skip, True
        self._window, self._tried = WINDOW, -1

    def _next_segment(self) -> None:
        self.inside = False
        if len(self.segments) > 1:
            del self.segments[0]


def _pieces(text: str, whole: bool) -> Iterator[str]:
    yield text
    if not whole:
        raise _Unwritten


def _moved(tokens: Tokens, by: int) -> Tokens:
    if not by:
        return tokens
    words = tuple(replace(word, start=word.start + by, end=word.end + by) for word in tokens.words)
    return replace(tokens, words=words, start=tokens.start + by, end=tokens.end + by)
