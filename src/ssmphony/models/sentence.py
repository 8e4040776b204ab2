"""Models that predict durations first, and then all frames of a sentence at once: one family, many systems.

    tokens ─read─▶ one vector a token, durations ─repeat─▶ one vector a frame ─frames─▶ what the codec decodes

Unlike those of `ssmphony.models.parallel`, the frames of such a model depend on the whole sentence, future included:
text streams sentence by sentence, and only the codec works in blocks. A system of this family is a subclass with `read`
and `frames`. How it speaks, its graphs and its runtime (`ssmphony.runtime.sentence`) are the family's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import Parallel
from ssmphony.model_inputs import FEWEST_STEPS, ModelInputs, model_inputs
from ssmphony.models.parallel import FRAME_FEATURES, expand_tokens, read_graph
from ssmphony.sampling import sequence_noise
from ssmphony.types import Frames, Style, Tokens


class SentenceState(NamedTuple):
    """A batch of sentences between two blocks; batch first."""

    encoded: Tensor
    """(batch, tokens, channel), see `SentenceModel.read`."""
    ends: Tensor
    """(batch, tokens): the frame after each token's last."""
    position: Tensor
    """(batch,): frames returned so far."""
    seeds: Tensor
    """(batch,)."""
    frames: Tensor
    """(batch, frames, channel): all frames of the sentence, and padding."""


class SentenceModel(nn.Module, Parallel):
    """Base of the systems of this family.

    `step` returns ``block`` frames; sentences have at most ``max_tokens`` tokens. Frames are made in stretches of at
    most ``max_frames``, so that memory is bounded whatever the text; ``speaker_names`` are the rows of the speaker
    table, the voice's own first.
    """

    family = "sentence"
    sampler = None
    delay = 0
    lookahead = 0
    block: int
    max_tokens: int
    max_frames: int
    speaker_names: tuple[str, ...]
    speaker_tables: tuple[str, ...] = ("speakers.weight",)
    """Names of the weights that have a row for each speaker."""
    encoded_channels: int
    """Channels of a token that `read` returns."""
    frame_channels: int
    """Channels of a frame that `frames` returns."""
    noise_channels: int
    """Channels of the random numbers of a frame."""
    reads: tuple[str, ...] = ("ids", "word_positions", "mask", "speaker", "pitch_semitones")
    """The fields of `ModelInputs` that are inputs of the ``encoder`` graph."""

    @abstractmethod
    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """As `ssmphony.models.parallel.ParallelModel.read`."""

    @abstractmethod
    def frames(self, x: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        """x from `expand_tokens` (batch, time, encoded_channels + 2), mask (batch, time) bool, and standard normal
        noise (batch, time, noise_channels) → the codec's frames (batch, time, frame_channels)."""

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> SentenceState:
        device = next(self.parameters()).device
        arrays = model_inputs(self, tokens, styles, fewest=1)  # only empty sentences: an absent token, and no frames
        inputs = pytree.tree_map(lambda array: torch.from_numpy(array).to(device), arrays)
        encoded, log_durations = self.read(inputs)
        frames = (log_durations.exp() / inputs.speeds).round().clamp(min=1)
        return self._start(encoded, torch.where(inputs.mask, frames, 0).cumsum(dim=1).long(), inputs.seeds)

    def step(self, state: SentenceState) -> tuple[Frames, SentenceState]:
        encoded, ends, position, _, made = state
        _, _, token = expand_tokens(encoded, ends, position, self.block)
        index = position[:, None] + torch.arange(self.block, device=position.device)
        values = made[torch.arange(len(made))[:, None], index.clamp(max=made.shape[1] - 1)]
        lengths = (ends[:, -1] - position).clamp(0, self.block)
        return Frames(values, token, lengths), state._replace(position=position + self.block)

    def token_ends(self, state: SentenceState) -> Tensor:
        return state.ends

    def with_token_ends(self, state: SentenceState, ends: Tensor) -> SentenceState:
        return self._start(state.encoded, ends, state.seeds)

    def graphs(self) -> tuple[GraphSpec, ...]:
        """``encoder`` and ``decoder`` as `ssmphony.runtime.sentence` runs them."""
        time = {1: Axis("frames", FEWEST_STEPS, self.max_frames)}
        inputs = {
            "x": torch.zeros(2, 9, self.encoded_channels + FRAME_FEATURES),
            "mask": torch.ones(2, 9, dtype=torch.bool),
            "noise": torch.zeros(2, 9, self.noise_channels),
        }
        return (
            read_graph(self),
            GraphSpec(
                name="decoder",
                module=_FrameGraph(self),
                inputs=inputs,
                outputs=("frames",),
                axes=dict.fromkeys(inputs, time),
                longest=self.max_frames,
            ),
        )

    def _start(self, encoded: Tensor, ends: Tensor, seeds: Tensor) -> SentenceState:
        first, total = torch.zeros_like(ends[:, 0]), max(1, int(ends[:, -1].max()))
        x, mask, _ = expand_tokens(encoded, ends, first, total)
        noise = torch.from_numpy(sequence_noise(seeds.tolist(), total, self.noise_channels)).to(encoded)
        pieces = zip(*(part.split(self.max_frames, dim=1) for part in (x, mask, noise)), strict=True)
        made = torch.cat([self.frames(*piece) for piece in pieces], dim=1)
        return SentenceState(encoded, ends, first, seeds, made)


class _FrameGraph(nn.Module):
    def __init__(self, model: SentenceModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
        return self.model.frames(x, mask, noise)
