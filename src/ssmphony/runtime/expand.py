"""From tokens to the decoder's input: durations, expansion, pitch contour, position inside the token. NumPy only.

    n_k = max(1, round(exp(d_k) / speed))               frames of token k
    x_t = [h_k, p(t), (i + ½) / n_k, log(n_k) / 5]      frame t is the i-th of token k

after the length regulator of FastSpeech (Ren et al., arXiv 1905.09263), made lazily, a block at a time. The pitch p,
the last channel of the encoder's output, runs straight from the centre of a token to that of the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.arrays import (
    BatchIntegers,
    FrameFeatures,
    TimeFloats,
    TimeIntegers,
    TimeMask,
    TokenFeatures,
    TokenFloats,
    TokenIntegers,
    TokenMask,
)

POSITION_FEATURES = 2
_LOG_SCALE = 5.0


def token_ends(log_durations: TokenFloats, mask: TokenMask, speeds: TokenFloats) -> TokenIntegers:
    """The frame after each token, from durations in log frames; absent tokens take no frames.

    The last column is the length of each row.
    """
    frames = np.maximum(np.round(np.exp(log_durations) / speeds), 1.0)
    return np.cumsum(np.where(mask, frames, 0.0), axis=1).astype(np.int64)


def expand(
    encoded: TokenFeatures, ends: TokenIntegers, first: BatchIntegers, count: int
) -> tuple[FrameFeatures, TimeMask, TimeIntegers]:
    """Frames ``first[row]`` to ``first[row] + count`` of each row.

    encoded (batch, tokens, channel) and ends (batch, tokens) → x (batch, count, channel + 2), which of these frames
    exist (batch, count), and the token each one speaks (batch, count). Frames after the end are zero.
    """
    batch, _, channels = encoded.shape
    frame, mask, token = spoken_tokens(ends, first, count)
    starts = np.concatenate([np.zeros((batch, 1), np.int64), ends[:, :-1]], axis=1)
    begin, end = _take(starts, token), _take(ends, token)
    n = np.maximum(end - begin, 1)
    x = np.empty((batch, count, channels + POSITION_FEATURES), np.float32)
    x[:, :, : channels - 1] = _take(encoded[:, :, :-1], token)
    x[:, :, channels - 1] = _glide(encoded[:, :, -1], starts, ends, frame, token)
    x[:, :, channels] = (frame - begin + 0.5) / n
    x[:, :, channels + 1] = np.log(n) / _LOG_SCALE
    return x * mask[:, :, None], mask, token


def spoken_tokens(ends: TokenIntegers, first: BatchIntegers, count: int) -> tuple[TimeIntegers, TimeMask, TimeIntegers]:
    """Frame numbers, which of them exist, and the token each speaks; (batch, count) all."""
    frame = first[:, None] + np.arange(count)
    token = np.minimum((ends[:, None, :] <= frame[:, :, None]).sum(axis=2), ends.shape[1] - 1)
    return frame, frame < ends[:, -1:], token


def _glide(
    values: TokenFloats, starts: TokenIntegers, ends: TokenIntegers, frame: TimeIntegers, token: TimeIntegers
) -> TimeFloats:
    """Values (batch, tokens) that hold at the centre of each token, at the frames between: (batch, count)."""
    centres = (starts + ends) / 2
    position = frame + 0.5
    here = _take(centres, token)
    other = np.clip(token + np.where(position >= here, 1, -1), 0, ends.shape[1] - 1)
    other = np.where(_take(starts, other) < _take(ends, other), other, token)  # next to the last token is padding
    share = (position - here) / np.where(other == token, 1.0, _take(centres, other) - here)
    own = _take(values, token)
    return own + (_take(values, other) - own) * share.astype(np.float32)


def _take(rows: npt.NDArray[Any], index: TimeIntegers) -> npt.NDArray[Any]:
    """The entries (batch, count, …) of rows (batch, token, …)."""
    return rows[np.arange(len(rows))[:, None], index]  # take_along_axis takes five times as long
