"""Voice models of the parallel family on ONNX Runtime: encoder, durations, expansion, streaming decoder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import BatchIntegers, FrameFeatures, TokenFeatures, TokenIntegers
from ssmphony.interfaces import Parallel
from ssmphony.model_inputs import model_inputs
from ssmphony.runtime.expand import expand, spoken_tokens, token_ends
from ssmphony.runtime.graph import Arrays, Graph
from ssmphony.types import Frames, ReferenceInput, Style, Tokens

_FEWEST_TOKENS = 2  # exported graphs take one step for a constant


class ParallelState(NamedTuple):
    """Sentences between two blocks; batch first."""

    encoded: TokenFeatures
    ends: TokenIntegers
    """The frame after each token."""
    position: BatchIntegers
    """Frames returned so far."""
    ahead: FrameFeatures
    """The ``block - lookahead`` frames after ``position``, which the decoder has already made."""
    layers: Arrays


class ParallelRuntime(Parallel):
    """``encoder`` and ``decoder`` graphs (see `docs/extend.md`); ``block`` frames a step.

    The decoder's output step ``i`` belongs to frame ``i - lookahead``. It runs one block ahead of what `step`
    returns, so that every block is whole and rows of different age can share a batch.
    """

    def __init__(
        self,
        encoder: Graph,
        decoder: Graph,
        *,
        block: int,
        lookahead: int,
        speakers: Sequence[str] = (),
        capabilities: Collection[str] = (),
        reference_inputs: Sequence[ReferenceInput] = (),
    ) -> None:
        if not 0 <= lookahead <= block:
            raise ValueError(f"lookahead {lookahead} must be between 0 and the block of {block} frames")
        self.encoder, self.decoder = encoder, decoder
        self.block, self.lookahead = block, lookahead
        self.capabilities = frozenset(capabilities)
        self.speaker_names, self.reference_inputs = tuple(speakers), tuple(reference_inputs)

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> ParallelState:
        inputs = model_inputs(self, tokens, styles, fewest=_FEWEST_TOKENS)
        arrays = inputs.named()
        (encoded, log_durations), _ = self.encoder.run({name: arrays[name] for name in self.encoder.inputs})
        return self._start(encoded, token_ends(log_durations, inputs.mask, inputs.speeds))

    def token_ends(self, state: ParallelState) -> TokenIntegers:
        return state.ends

    def with_token_ends(self, state: ParallelState, ends: TokenIntegers) -> ParallelState:
        return self._start(state.encoded, ends)

    def _start(self, encoded: TokenFeatures, ends: TokenIntegers) -> ParallelState:
        first = np.zeros(len(encoded), np.int64)
        frames, layers = self._decode(encoded, ends, first, self.decoder.initial_state(len(encoded)))
        return ParallelState(encoded, ends, first, frames[:, self.lookahead :], layers)

    def step(self, state: ParallelState) -> tuple[Frames, ParallelState]:
        encoded, ends, position, ahead, layers = state
        left = ends[:, -1] - position
        if (left > ahead.shape[1]).any():
            frames, layers = self._decode(encoded, ends, position + self.block, layers)
        else:
            frames = np.zeros((len(position), self.block, ahead.shape[2]), np.float32)
        made = np.concatenate([ahead, frames], axis=1)
        _, _, tokens = spoken_tokens(ends, position, self.block)
        block = Frames(made[:, : self.block], tokens, np.minimum(np.maximum(left, 0), self.block))
        return block, ParallelState(encoded, ends, position + self.block, made[:, self.block :], layers)

    def _decode(
        self, encoded: TokenFeatures, ends: TokenIntegers, first: BatchIntegers, layers: Arrays
    ) -> tuple[FrameFeatures, Arrays]:
        x, mask, _ = expand(encoded, ends, first, self.block)
        (frames,), layers = self.decoder.run({"x": x, "mask": mask}, layers)
        return frames, layers
