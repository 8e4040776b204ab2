"""Cutting a recorded page at its sentence ends, where the times of its words are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ssmphony.data.corpora.reader import Utterance, WordTime
from ssmphony.data.silence import quietest

_SENTENCE_END = re.compile(r"[।॥?!]|\.(?=\s|$)")
_SPOKEN = re.compile(r"\w")
_SEARCH_S = 0.5  # how far from a word boundary its pause may lie


def locate(text: str, times: Sequence[WordTime]) -> list[tuple[int, int]] | None:
    """The character range in ``text`` of every timed word, in order.

    An aligner's word may hold several written words and quotation marks, and its spaces may differ. None when a
    word is not found in its place, or when a spoken part of the text has no time.
    """
    places = [index for index, character in enumerate(text) if not character.isspace()]
    letters = "".join(text[index] for index in places)
    spans: list[tuple[int, int]] = []
    position = 0
    for word, _, _ in times:
        wanted = "".join(word.split())
        found = letters.find(wanted, position) if wanted else -1
        if found < 0 or _SPOKEN.search(letters[position:found]):
            return None
        position = found + len(wanted)
        spans.append((places[found], places[position - 1] + 1))
    return None if _SPOKEN.search(letters[position:]) else spans


def cut_page(utterance: Utterance, longest_s: float) -> Sequence[Utterance]:
    """One utterance, or several of at most ``longest_s`` where a longer one can be cut at sentence ends.

    The cut lies at the quietest place between the two words. A page whose word times do not match its text stays
    whole.
    """
    text, times = utterance.text or "", utterance.word_times
    pieces = locate(text, times or ())
    if len(utterance.samples) <= longest_s * utterance.rate or times is None or pieces is None:
        return [utterance]
    ends = [
        index + 1
        for index in range(len(pieces) - 1)
        if _SENTENCE_END.search(text[pieces[index][0] : pieces[index + 1][0]])
    ]
    edges = [0, *ends, len(pieces)]
    groups = _group(edges, times, longest_s)
    cuts = [0, *(_cut(utterance, times, first) for first, _ in groups[1:]), len(utterance.samples)]
    return [
        _part(utterance, pieces, group, (cuts[number], cuts[number + 1]), number) for number, group in enumerate(groups)
    ]


def _group(edges: Sequence[int], times: Sequence[WordTime], longest_s: float) -> list[tuple[int, int]]:
    """Join neighbouring sentences, as word ranges, while they stay within ``longest_s``."""
    groups = [(edges[0], edges[1])]
    for first, stop in zip(edges[1:-1], edges[2:], strict=True):
        start, _ = groups[-1]
        if times[stop - 1][2] - times[start][1] <= longest_s:
            groups[-1] = (start, stop)
        else:
            groups.append((first, stop))
    return groups


def _cut(utterance: Utterance, times: Sequence[WordTime], word: int) -> int:
    """The sample at which the page is cut before ``word``."""
    _, left_start, left_end = times[word - 1]
    _, right_start, right_end = times[word]
    low = max(left_end - _SEARCH_S, (left_start + left_end) / 2)
    high = min(right_start + _SEARCH_S, (right_start + right_end) / 2)
    return quietest(utterance.samples, utterance.rate, low, high)


def _part(
    utterance: Utterance, pieces: Sequence[tuple[int, int]], group: tuple[int, int], span: tuple[int, int], number: int
) -> Utterance:
    """Words ``group`` of the page as an utterance of its own; punctuation between groups stays on the left."""
    text, times = utterance.text or "", utterance.word_times or ()
    first, stop = group
    begin = pieces[first][0] if first else 0
    end = pieces[stop][0] if stop < len(pieces) else len(text)
    start, rate = span[0], utterance.rate
    length_s = (span[1] - start) / rate
    moved = tuple(
        (word, min(max(a - start / rate, 0.0), length_s), min(max(b - start / rate, 0.0), length_s))
        for word, a, b in times[first:stop]
    )
    return replace(
        utterance,
        id=f"{utterance.id}-{chr(ord('a') + number)}",
        samples=utterance.samples[start : span[1]],
        text=text[begin:end].strip(),
        word_times=moved,
    )
