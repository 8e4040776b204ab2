"""Voice models of the sentence family on ONNX Runtime: encoder, durations, expansion, all frames at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import BatchIntegers, Floats, FrameFeatures, TokenFeatures, TokenIntegers
from ssmphony.audio.mel import log_mel
from ssmphony.interfaces import Parallel, Styled
from ssmphony.model_inputs import FEWEST_STEPS, model_inputs
from ssmphony.runtime.expand import expand, spoken_tokens, token_ends
from ssmphony.runtime.graph import Graph
from ssmphony.sampling import sequence_noise
from ssmphony.types import Frames, MelFormat, ReferenceInput, SsmphonyError, Style, Tokens


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


class SentenceRuntime(Parallel, Styled):
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
        """``load_style_encoder`` is called by the first recording: who only speaks does not pay for it."""
        self.encoder, self.decoder = encoder, decoder
        self.block, self.max_frames = block, max_frames
        self.capabilities = frozenset(capabilities)
        self.speaker_names, self.reference_inputs = tuple(speakers), tuple(reference_inputs)
        self.reference_mel, self._load_style_encoder = reference_mel, load_style_encoder
        self.draws_durations = "token_noise" in encoder.inputs
        channels = decoder.shape("noise")[-1]
        assert isinstance(channels, int), "the channels of the noise are an axis that is not free"
        self._noise_channels = channels

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> SentenceState:
        inputs = model_inputs(self, tokens, styles, fewest=FEWEST_STEPS)
        arrays = inputs.named()
        (encoded, log_durations), _ = self.encoder.run({name: arrays[name] for name in self.encoder.inputs})
        return self._start(encoded, token_ends(log_durations, inputs.mask, inputs.speeds), inputs.seeds)

    def style_of(self, samples: Floats) -> Floats:
        if self._load_style_encoder is None or self.reference_mel is None:
            raise SsmphonyError("this voice cannot make 'style' from a recording: give a saved reference")
        mel = log_mel(samples, self.reference_mel)
        (style,), _ = self._style_encoder.run({"mel": mel[None]})
        return style[0]

    @cached_property
    def _style_encoder(self) -> Graph:
        assert self._load_style_encoder is not None
        return self._load_style_encoder()

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
