"""Monotonic alignment search (Kim et al., *Glow-TTS*, arXiv 2005.11129), held inside known times where there are any.

    Q[i, j] = max(Q[i, j - 1], Q[i - 1, j - 1]) + value[i, j],

token i, frame j; every token gets at least one frame, in order. Known times (a word's start and end, a phone's) enter
as a penalty outside their window, not as a wall: an impossible anchor bends instead of breaking the search.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NEVER = np.float32(-1e30)
OUTSIDE = np.float32(-1e5)

Anchor = tuple[int, int, float, float]
"""First token, stop token (half-open), start and end in frames."""


def search(
    value: npt.NDArray[np.float32], token_lengths: npt.NDArray[np.int64], frame_lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Durations (batch, token) in frames of the best monotonic path.

    value: (batch, token, frame) score of frame j under token i. The durations of a row sum to its frame length; a row
    with fewer frames than tokens raises `ValueError`.
    """
    if np.any(frame_lengths < token_lengths):
        raise ValueError("a clip has fewer frames than tokens")
    batch, tokens, frames = value.shape
    stayed = np.zeros((frames, batch, tokens), dtype=bool)
    best = np.full((batch, tokens), NEVER, np.float32)
    moved = np.empty_like(best)
    columns = np.ascontiguousarray(value.transpose(2, 0, 1))
    index = np.arange(tokens)
    for frame in range(frames):
        moved[:, 1:] = best[:, :-1]
        moved[:, 0] = 0.0 if frame == 0 else NEVER
        np.greater_equal(best, moved, out=stayed[frame])
        best = np.maximum(best, moved) + columns[frame]
        best[:, index > frame] = NEVER
    durations = np.zeros((batch, tokens), np.int64)
    for row in range(batch):
        token = int(token_lengths[row]) - 1
        for frame in range(int(frame_lengths[row]) - 1, -1, -1):
            durations[row, token] += 1
            if token and not stayed[frame, row, token]:
                token -= 1
    return durations


def anchor_penalty(
    anchors: Sequence[Sequence[Anchor]], tokens: int, frames: int, tolerance: float = 4.0
) -> npt.NDArray[np.float32]:
    """Penalty (batch, token, frame): zero inside an anchor's frames, steep outside.

    ``tolerance`` in frames applies to anchors of several tokens (words); a single token (a phone whose time is known
    exactly) gets half a frame. Tokens without an anchor are free.
    """
    penalty = np.zeros((len(anchors), tokens, frames), np.float32)
    centre = np.arange(frames)
    for row, known in enumerate(anchors):
        for first, stop, start, end in known:
            slack = tolerance if stop - first > 1 else 0.5
            distance = np.maximum(start - slack - centre, centre - (end + slack))
            penalty[row, first:stop] += np.where(distance > 0, OUTSIDE * (1 + distance), 0.0).astype(np.float32)
    return penalty


def token_means(
    values: npt.NDArray[np.float32], voiced: npt.NDArray[np.bool_], durations: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Mean of a frame track over each token's voiced frames.

    values, voiced: (frame,); durations: (token,). Returns means (token,) and which tokens had a voiced frame; the
    others take the value interpolated between their neighbours, or 0 where the whole clip has none.
    """
    ends = np.minimum(durations.cumsum(), len(values))
    starts = ends - np.minimum(durations, ends)
    total = np.concatenate([[0.0], np.cumsum(np.where(voiced, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(voiced)])
    numbers = count[ends] - count[starts]
    known = numbers > 0
    means = np.where(known, (total[ends] - total[starts]) / np.maximum(numbers, 1), 0.0)
    if known.any():
        index = np.arange(len(durations))
        means = np.interp(index, index[known], means[known])
    return means.astype(np.float32), known
