"""What stands between a recording and a voice: copy-synthesis, and the voice in the timing of the recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmphony.arrays import Integers
from ssmphony.interfaces import Decoder, Encoder, Parallel, State, VoiceModel
from ssmphony.types import Frames, Samples, Style, Tokens

Anchor = tuple[int, int, float, float]
"""First token, stop token, start and end in seconds, as in the manifest of a prepared corpus."""


class RecordedTiming(VoiceModel):
    """One clip at a time: each word takes the frames it takes in the recording.

    Inside a word, and in the pauses, the model's own durations share what there is.
    """

    def __init__(self, model: Parallel, anchors: Sequence[Anchor], seconds: float, frame_rate: float) -> None:
        self.model = model
        self.anchors = [(first, stop, round(a * frame_rate), round(b * frame_rate)) for first, stop, a, b in anchors]
        self.n_frames = round(seconds * frame_rate)

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> State:
        state = self.model.begin(tokens, styles)
        ends = np.asarray(self.model.token_ends(state))[0]
        return self.model.with_token_ends(state, recorded_ends(ends, self.anchors, self.n_frames)[None])

    def step(self, state: State) -> tuple[Frames, State]:
        return self.model.step(state)


def recorded_ends(ends: Integers, anchors: Sequence[tuple[int, int, int, int]], n_frames: int) -> Integers:
    """The frame after each token, (tokens,): ``ends`` bent so that anchors hold.

    An anchor is (first token, stop token, first frame, stop frame).

    Every token keeps at least one frame. A gap in time between words without a token between them belongs to the
    word in front of it.
    """
    segments: list[tuple[int, int]] = []  # stop token, stop frame
    for first, stop, begin, end in anchors:
        previous = segments[-1][0] if segments else 0
        if first > previous:
            segments.append((first, begin))
        elif segments:
            segments[-1] = (previous, begin)
        segments.append((stop, end))
    if not segments or segments[-1][0] < len(ends):
        segments.append((len(ends), n_frames))
    bent = np.zeros(len(ends), np.int64)
    token = frame = 0
    for stop, end in segments:
        count = stop - token
        own = ends[token:stop] - (ends[token - 1] if token else 0)
        spare = max(end - frame - count, 0)  # beyond the one frame of each token
        shares = np.floor(own * (spare / own[-1])).astype(np.int64)
        bent[token:stop] = frame + np.arange(1, count + 1) + shares
        bent[stop - 1] = frame + count + spare
        token, frame = stop, int(bent[stop - 1])
    return bent


def copy_synthesis(encoder: Encoder, codec: Decoder, samples: Samples) -> Samples:
    """The codec's own rendering of a recording, (n,) → (n,): the best that a voice with this codec can be."""
    encoded = encoder.encode(samples[None])
    frames = np.pad(encoded, ((0, 0), (0, codec.lookahead), (0, 0)))
    mask = (np.arange(frames.shape[1]) < encoded.shape[1])[None]
    sound, _ = codec.decode(frames, mask, codec.initial_state(1))
    return np.asarray(sound[0], np.float32)[codec.lookahead * codec.grid.hop_length :][: len(samples)]
