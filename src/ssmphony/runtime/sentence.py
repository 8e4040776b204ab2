"""Voice models of the sentence family on ONNX Runtime: encoder, durations, expansion, all frames at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import BatchIntegers, FrameFeatures, TokenFeatures, TokenIntegers
from ssmphony.interfaces import Parallel
from ssmphony.model_inputs import FEWEST_STEPS, model_inputs
from ssmphony.runtime.expand import expand, spoken_tokens, token_ends
from ssmphony.runtime.graph import Graph
from ssmphony.runtime.style import StyleRuntime
from ssmphony.sampling import sequence_noise
from ssmphony.types import Frames, MelFormat, ReferenceInput, Style, Tokens


class SentenceState(NamedTuple):
    """Sentences between two blocks; batch first."""

    encoded: TokenFeatures
    ends: TokenIntegers
    """The frame after each token."""
    position: BatchIntegers
    """Frames returned so far."""
    seeds: BatchIntegers
    frames: FrameFeatures
    """All frames of the sentence, and padding."""


class SentenceRuntime(Parallel, StyleRuntime):
    """``encoder`` and ``decoder`` graphs (see `docs/extend.md`); `step` returns ``block`` frames.

    The decoder makes all frames of a sentence before the first is returned, in stretches of at most ``max_frames``.
    """

    def __init__(
        self,
        encoder: Graph,
        decoder: Graph,
        *,
        block: int,
        max_frames: int,
        speakers: Sequence[str] = (),
        capabilities: Collection[str] = (),
        reference_inputs: Sequence[ReferenceInput] = (),
        reference_mel: MelFormat | None = None,
        load_style_encoder: Callable[[], Graph] | None = None,
    ) -> None:
        super().__init__(reference_mel, load_style_encoder)
        self.encoder, self.decoder = encoder, decoder
        self.block, self.max_frames = block, max_frames
        self.capabilities = frozenset(capabilities)
        self.speaker_names, self.reference_inputs = tuple(speakers), tuple(reference_inputs)
        self.draws_durations = "token_noise" in encoder.inputs
        channels = decoder.shape("noise")[-1]
        assert isinstance(channels, int), "the channels of the noise are an axis that is not free"
        self._noise_channels = channels

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> SentenceState:
        inputs = model_inputs(self, tokens, styles, fewest=FEWEST_STEPS)
        arrays = inputs.named()
        (encoded, log_durations), _ = self.encoder.run({name: arrays[name] for name in self.encoder.inputs})
        return self._start(encoded, token_ends(log_durations, inputs.mask, inputs.speeds), inputs.seeds)

    def token_ends(self, state: SentenceState) -> TokenIntegers:
        return state.ends

    def with_token_ends(self, state: SentenceState, ends: TokenIntegers) -> SentenceState:
        return self._start(state.encoded, ends, state.seeds)

    def step(self, state: SentenceState) -> tuple[Frames, SentenceState]:
        _, ends, position, _, made = state
        _, _, tokens = spoken_tokens(ends, position, self.block)
        index = np.minimum(position[:, None] + np.arange(self.block), made.shape[1] - 1)
        lengths = np.minimum(np.maximum(ends[:, -1] - position, 0), self.block)
        values = made[np.arange(len(made))[:, None], index]
        return Frames(values, tokens, lengths), state._replace(position=position + self.block)

    def _start(self, encoded: TokenFeatures, ends: TokenIntegers, seeds: BatchIntegers) -> SentenceState:
        total = max(FEWEST_STEPS, int(ends[:, -1].max(initial=0)))
        noise = sequence_noise(seeds.tolist(), total, self._noise_channels)
        pieces = [self._piece(encoded, ends, noise, first) for first in range(0, total, self.max_frames)]
        made = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)
        return SentenceState(encoded, ends, np.zeros(len(ends), np.int64), seeds, made)

    def _piece(self, encoded: TokenFeatures, ends: TokenIntegers, noise: FrameFeatures, first: int) -> FrameFeatures:
        count = min(self.max_frames, noise.shape[1] - first)
        fed = max(count, FEWEST_STEPS)
        x, mask, _ = expand(encoded, ends, np.full(len(ends), first, np.int64), fed)
        part = np.pad(noise[:, first : first + count], ((0, 0), (0, fed - count), (0, 0)))
        (frames,), _ = self.decoder.run({"x": x, "mask": mask, "noise": part})
        return frames[:, :count]
