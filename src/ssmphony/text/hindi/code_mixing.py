"""Hindi in Latin letters among English: which words of a sentence are which, and what the Hindi ones are.

A sentence is Hindi with English words in it, or English, or one after the other. Viterbi's algorithm finds the cheapest
of the `latin_readings` of its words: Hindi words and classes follow each other as in `word_pairs`, and running English
costs what its beginning and end cost.
"""

from __future__ import annotations

from ssmphony.text.hindi import latin_readings, word_pairs
from ssmphony.text.hindi.latin_readings import RUNNING, Piece, Reading, reading_of
from ssmphony.text.hindi.latin_sentence import LATIN
from ssmphony.text.hindi.unicode import Cleaned
from ssmphony.text.hindi.word_pairs import EDGE, ENGLISH

_ENTER, _LEAVE = 5.0, 3.0
"""What it costs to begin and to end running English inside a sentence."""
_BEGIN, _STOP = 4.0, 1.5
"""And what it costs a sentence to begin or end with it."""
_WEIGHT = 0.9
"""How much the neighbours of a word count, relative to its spelling."""
_NEGATIONS = frozenset({"नहीं", "न", "मत"})
"""A word after one of them depends as much on the word before it: मुझे नहीं पता, but कर नहीं पाता."""
_END = Piece(0, 0, "", (reading_of(EDGE),))


def rewrite(cleaned: Cleaned) -> Cleaned:
    """The text with its Hindi words in Devanagari, each of their letters tied to the whole word that was typed."""
    if not LATIN.search(cleaned.text):
        return cleaned
    found = hindi_words(cleaned.text)
    if not found:
        return cleaned
    text, starts, ends, place = "", list[int](), list[int](), 0
    for start, end, hindi in (*found, (len(cleaned.text), len(cleaned.text), "")):
        text += cleaned.text[place:start] + hindi
        starts += cleaned.starts[place:start]
        ends += cleaned.ends[place:start]
        if hindi:
            span = cleaned.span(start, end)
            starts += [span[0]] * len(hindi)
            ends += [span[1]] * len(hindi)
        place = end
    return Cleaned(text, starts, ends)


def hindi_words(text: str) -> list[tuple[int, int, str]]:
    """Where in a sentence Hindi is typed in Latin letters, and what is meant.

    >>> hindi_words("main office me hoon")
    [(0, 4, 'मैं'), (12, 14, 'में'), (15, 19, 'हूँ')]
    """
    if not latin_readings.may_hold_hindi(text):
        return []
    pieces = latin_readings.pieces(text)
    if not any(reading.hindi for piece in pieces for reading in piece.readings):
        return []
    return [
        (piece.start, piece.end, reading.hindi)
        for piece, reading in zip(pieces, _best(pieces), strict=True)
        if reading.hindi
    ]


def _best(pieces: list[Piece]) -> list[Reading]:
    """The cheapest reading of each piece (Viterbi)."""
    layers: list[list[tuple[float, int]]] = []
    before: tuple[Reading, ...] = (reading_of(EDGE),)
    costs, earlier = [0.0], before
    for piece in (*pieces, _END):
        layer: list[tuple[float, int]] = []
        if len(before) == len(piece.readings) == 1:  # nothing to choose
            layers.append([(costs[0], 0)])
            before, earlier = piece.readings, before
            continue
        for reading in piece.readings:
            totals = [
                cost + _step(last, reading, first) for cost, last, first in zip(costs, before, earlier, strict=True)
            ]
            cheapest = min(totals)
            layer.append((cheapest + reading.cost, totals.index(cheapest)))
        layers.append(layer)
        earlier = tuple(before[place] for _, place in layer)
        before, costs = piece.readings, [cost for cost, _ in layer]
    best: list[Reading] = []
    place = 0
    for piece, layer in zip((*reversed(pieces), None), reversed(layers), strict=True):
        place = layer[place][1]
        if piece:
            best.append(piece.readings[place])
    return best[::-1]


def _step(before: Reading, reading: Reading, earlier: Reading) -> float:
    """The cost of a reading after another, before which ``earlier`` is likeliest."""
    if reading.token == RUNNING:
        return 0.0 if before.token == RUNNING else _BEGIN if before.token == EDGE else _ENTER
    if before.token == RUNNING and reading.token == EDGE:
        return _STOP
    left, last = (_LEAVE, ENGLISH) if before.token == RUNNING else (0.0, before.last)
    cost = word_pairs.cost(last, reading.token, reading.frequency)
    if before.token in _NEGATIONS and earlier.token != RUNNING:
        cost = (cost + word_pairs.cost(earlier.last, reading.token, reading.frequency)) / 2
    return left + _WEIGHT * cost
