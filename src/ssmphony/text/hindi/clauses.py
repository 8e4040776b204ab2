"""Cut a sentence that is too long for the model into clauses, at the place a reader would breathe."""

from __future__ import annotations

from collections.abc import Sequence

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.speech import Word

CONJUNCTIONS = frozenset(row[0] for row in tables.rows("conjunctions"))


def cut(words: Sequence[Word], limit: int) -> list[tuple[Word, ...]]:
    """Clauses of at most ``limit`` tokens (phones and inner pauses); nothing is dropped.

    Cuts fall after a clause mark, else before a conjunction, else between words; among equals where the clauses
    come out even. A word longer than ``limit`` is cut itself.
    """
    rest = [piece for word in words for piece in _pieces(word, limit)]
    clauses: list[tuple[Word, ...]] = []
    while rest:
        sizes = [len(word.sounds) + word.pause for word in rest]
        total = sum(sizes)
        if total <= limit + rest[-1].pause:
            clauses.append(tuple(rest))
            break
        stop = _best_stop(rest, sizes, limit, total / -(-total // limit))
        clauses.append(tuple(rest[:stop]))
        rest = rest[stop:]
    return clauses


def _best_stop(words: list[Word], sizes: list[int], limit: int, target: float) -> int:
    """How many words the first clause takes."""
    best, stop = (3, 0.0), 1
    reached = 0
    for place in range(len(words) - 1):
        reached += sizes[place]
        if reached - words[place].pause > limit:
            break
        rank = 0 if words[place].pause else 1 if words[place + 1].text in CONJUNCTIONS else 2
        if reached < limit // 3:
            rank = 2
        grade = (rank, abs(reached - target))
        if grade < best:
            best, stop = grade, place + 1
    return stop


def _pieces(word: Word, limit: int) -> list[Word]:
    """A word in pieces of at most ``limit`` phones, each with its share of the written word."""
    count = -(-len(word.sounds) // limit)
    if count == 1:
        return [word]
    length = word.end - word.start
    pieces: list[Word] = []
    for number in range(count):
        first, last = number * length // count, (number + 1) * length // count
        piece = word._replace(
            text=word.text[first:last],
            start=word.start + first,
            end=word.start + last,
            phones=word.phones[number * limit : (number + 1) * limit],
            sounds=word.sounds[number * limit : (number + 1) * limit],
            stops=tuple(min(max(stop - number * limit, 0), limit) for stop in word.stops),
            pause=word.pause and number == count - 1,
        )
        pieces.append(piece)
    return pieces
