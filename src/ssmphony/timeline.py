"""How far a sentence has been spoken, and what its sound holds: which samples, and the times of phonemes and words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssmphony.audio.limiter import limit
from ssmphony.types import AudioChunk, FrameGrid, Frames, Samples, TimedSpan, Tokens

PAUSE_S = 0.5
"""The longest silence in one chunk, in seconds."""


class Progress(NamedTuple):
    """How far one sentence has been spoken. Counts are in frames; ``origin``, ``pause`` and ``paused`` in samples."""

    tokens: Tokens
    origin: int
    """Where in its stream the sentence begins."""
    pause: int
    """Length of the silence after it."""
    starts: tuple[int, ...] = ()
    """The first frame of each token that has begun."""
    produced: int = 0
    """By the model."""
    consumed: int = 0
    """By the codec, including the absent frames of its lookahead."""
    blocks: int = 1
    """Blocks of the model that the codec decodes next."""
    reported: int = 0
    """Tokens whose times have been returned."""
    complete: bool = False
    """The model has produced its last frame."""
    spoken: bool = False
    """Its last frame has been returned: only the silence after it remains."""
    paused: int = 0
    """Samples of that silence that have been returned."""

    @property
    def done(self) -> bool:
        """Its last sample has been returned."""
        return self.spoken and self.paused == self.pause


def after_block(progress: Progress, block: Frames) -> Progress:
    """The progress after a block of the model, one row, in which ``block.tokens`` says which token a frame speaks."""
    length, size = int(block.lengths[0]), block.tokens.shape[1]
    starts = list(progress.starts)
    for frame, token in enumerate(block.tokens[0, :length].tolist(), start=progress.produced):
        while len(starts) <= token:
            starts.append(frame)
    produced = progress.produced + length
    return progress._replace(starts=tuple(starts), produced=produced, complete=length < size)


def after_sound(
    progress: Progress, sound: Samples, width: int, grid: FrameGrid, lookahead: int
) -> tuple[AudioChunk, Progress]:
    """Trim what ``width`` steps of the codec returned, (width * hop_length,), and add the times of what ends in it."""
    hop, rate, row = grid.hop_length, grid.sample_rate, progress
    first = min(max(row.consumed - lookahead, 0), row.produced)
    last = min(max(row.consumed + width - lookahead, 0), row.produced)
    spoken = row.complete and last == row.produced
    samples = sound[(first + lookahead - row.consumed) * hop : (last + lookahead - row.consumed) * hop]
    if row.tokens.prosody:
        samples = limit(samples * _gain(row, first, last, hop))
    paused = row.pause if spoken and row.pause <= PAUSE_S * rate else 0  # a short pause comes with the last sound
    samples = np.concatenate([samples, np.zeros(paused, np.float32)]) if paused else samples
    reported, spans = _spans(row, last, spoken, grid)
    chunk = AudioChunk(samples, rate, (row.origin + first * hop) / rate, *spans)
    return chunk, row._replace(consumed=row.consumed + width, reported=reported, spoken=spoken, paused=paused)


def after_silence(progress: Progress, grid: FrameGrid) -> tuple[AudioChunk, Progress]:
    """The next piece of the silence after a sentence."""
    count = min(progress.pause - progress.paused, round(PAUSE_S * grid.sample_rate))
    start = progress.origin + progress.produced * grid.hop_length + progress.paused
    chunk = AudioChunk(np.zeros(count, np.float32), grid.sample_rate, start / grid.sample_rate)
    return chunk, progress._replace(paused=progress.paused + count)


def _spans(row: Progress, last: int, spoken: bool, grid: FrameGrid) -> tuple[int, tuple[tuple[TimedSpan, ...], ...]]:
    """How many tokens end up to frame ``last``; and the phonemes, words and marks that were not returned before."""
    # token k ends where token k + 1 begins; an end that is not known yet lies after this chunk
    bounds = (*row.starts, *[row.produced] * (len(row.tokens) + 1 - len(row.starts))) if row.complete else row.starts
    before, reported = row.reported, row.reported
    while reported + 1 < len(bounds) and bounds[reported + 1] <= last:
        reported += 1
    seconds = [(row.origin + bound * grid.hop_length) / grid.sample_rate for bound in bounds[: reported + 1]]
    phonemes = tuple(TimedSpan(row.tokens.symbols[k], seconds[k], seconds[k + 1]) for k in range(before, reported))
    words = tuple(
        TimedSpan(word.text, seconds[word.first], seconds[word.stop], word.start, word.end)
        for word in row.tokens.words
        if before < word.stop <= reported
    )
    passed = range(before, reported + 1 if spoken else reported)
    marks = tuple(
        TimedSpan(mark.name, seconds[mark.token], seconds[mark.token])
        for mark in row.tokens.marks
        if mark.token in passed
    )
    return reported, (phonemes, words, marks)


def _gain(row: Progress, first: int, last: int, hop: int) -> Samples:
    """What the samples of frames ``first`` to ``last`` are multiplied by; a change takes one frame."""
    token = np.searchsorted(row.starts, np.maximum(np.arange(first - 1, last), 0), side="right") - 1
    decibels = np.array([part.gain_db for part in row.tokens.prosody], np.float32)[token]
    frames = np.arange(last - first + 1) * hop
    return np.power(10.0, np.interp(np.arange(1, (last - first) * hop + 1), frames, decibels / 20)).astype(np.float32)
