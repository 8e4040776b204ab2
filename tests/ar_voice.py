"""A tiny autoregressive voice: what an autoregressive system is to the engine, small enough to read.

The model has a state-space state, a key-value cache of fixed size and the frame it made last, which it reads again;
it stops where it says so itself. Each row is computed by elementwise NumPy, so that a batch equals its members to the
bit, whatever the machine. The codec repeats the sum of a frame, smoothed over the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.interfaces import Decoder, Frontend, VoiceModel
from ssmphony.state import gather
from ssmphony.text import FRONTENDS
from ssmphony.types import FrameGrid, Frames, Style, Tokens, VoiceCard
from ssmphony.voice import Voice

CHANNELS, HIDDEN, CACHE, BLOCK, HOP = 3, 4, 16, 4, 64
GRID = FrameGrid(16_000, HOP, CHANNELS)

_random = np.random.default_rng(3)
EMBED = _random.standard_normal((4096, HIDDEN)).astype(np.float32)
READ = _random.standard_normal((HIDDEN, CHANNELS)).astype(np.float32)
FEED = _random.standard_normal((CHANNELS, HIDDEN)).astype(np.float32)


class State(NamedTuple):
    tokens: np.ndarray
    """(batch, tokens): ids; the axis differs between rows."""
    ends: np.ndarray
    """(batch, tokens): the frame after each token."""
    position: np.ndarray
    """(batch,): frames made."""
    hidden: np.ndarray
    """(batch, HIDDEN): the recurrent state."""
    cache: np.ndarray
    """(batch, CACHE, HIDDEN): the newest states, a ring."""
    last: np.ndarray
    """(batch, CHANNELS): the frame made last."""


class TinyAutoregressive(VoiceModel):
    """Some 3 frames a token, at ``style.speed``."""

    capabilities = frozenset({"pitch", "speed"})

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> State:
        rows = [self._begin(sentence, style) for sentence, style in zip(tokens, styles, strict=True)]
        return gather(rows)

    def _begin(self, tokens: Tokens, style: Style) -> State:
        ids = np.array([tokens.ids], np.int64)
        frames = np.maximum(np.round((2 + ids % 3) / style.speed), 1).astype(np.int64)
        ends = np.cumsum(frames, axis=1)
        zeros = np.zeros((1, HIDDEN), np.float32)
        hidden = zeros + np.float32(style.pitch_semitones + style.seed)
        return State(
            ids,
            ends,
            np.zeros(1, np.int64),
            hidden,
            np.zeros((1, CACHE, HIDDEN), np.float32),
            np.zeros((1, CHANNELS), np.float32),
        )

    def step(self, state: State) -> tuple[Frames, State]:
        ids, ends, position, hidden, cache, last = (np.array(part) for part in state)
        batch = len(ids)
        values = np.zeros((batch, BLOCK, CHANNELS), np.float32)
        spoken = np.zeros((batch, BLOCK), np.int64)
        for i in range(BLOCK):
            token = np.minimum((ends <= position[:, None]).sum(axis=1), ids.shape[1] - 1)
            drive = EMBED[ids[np.arange(batch), token]] + (last[:, :, None] * FEED).sum(axis=1)
            scores = np.exp(np.tanh((cache * hidden[:, None]).sum(axis=2)))
            context = (cache * scores[:, :, None]).sum(axis=1) / scores.sum(axis=1)[:, None]
            hidden = np.tanh(np.float32(0.8) * hidden + np.float32(0.3) * drive + np.float32(0.1) * context)
            cache[np.arange(batch), position % CACHE] = hidden
            last = np.tanh((hidden[:, :, None] * READ).sum(axis=1))
            values[:, i], spoken[:, i] = last, token
            position = position + 1
        lengths = np.clip(ends[:, -1] - position + BLOCK, 0, BLOCK)
        return Frames(values, spoken, lengths), State(ids, ends, position, hidden, cache, last)


class TinyCodec(Decoder):
    grid = GRID
    lookahead = 0

    def initial_state(self, batch: int) -> np.ndarray:
        return np.zeros((batch, 1), np.float32)

    def decode(self, frames, mask, state):
        level = np.where(mask, frames.sum(axis=2) / 4, 0)
        values = np.concatenate([state, level], axis=1).astype(np.float32)
        smooth = (values[:, 1:] + values[:, :-1]) / 2
        return np.repeat(smooth, HOP, axis=1), values[:, -1:]


def make_voice(frontend: Frontend | None = None) -> Voice:
    return Voice(
        frontend or FRONTENDS["bytes"]().build(),
        TinyAutoregressive(),
        TinyCodec(),
        VoiceCard("autoregressive", "hi"),
        identity="tiny",
    )
