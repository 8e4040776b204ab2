"""Models that predict durations first, and then the frames of all tokens in order: one family, many systems.

    tokens ─read─▶ one vector a token, durations ─repeat─▶ one vector a frame ─frames─▶ what the codec decodes

A system of this family is a subclass with `read`, `initial_frames` and `frames`. How it speaks block by block, its
graphs and its runtime (`ssmphony.runtime.parallel`) are the family's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from ssmphony.graph_spec import GraphSpec
from ssmphony.interfaces import Parallel, State
from ssmphony.model_inputs import ModelInputs, model_inputs
from ssmphony.models.graph_inputs import graph_inputs
from ssmphony.types import Frames, Style, Tokens

FRAME_FEATURES = 2
"""Channels of a frame in addition to the token's: the fraction of the token, and the log of its length."""


class ParallelState(NamedTuple):
    """A batch of sentences between two blocks; batch first."""

    encoded: Tensor
    """(batch, tokens, channel), see `ParallelModel.read`."""
    ends: Tensor
    """(batch, tokens): the frame after each token's last."""
    position: Tensor
    """(batch,): frames returned so far."""
    ahead: Tensor
    """(batch, block - lookahead, channel): frames after ``position`` that have already been made."""
    layers: State


class ParallelModel(nn.Module, Parallel):
    """Base of the systems of this family.

    ``block`` frames are made a step, ``lookahead`` frames late; sentences have at most ``max_tokens`` tokens;
    ``speaker_names`` are the rows of the speaker table, the voice's own first.
    """

    family = "parallel"
    sampler = None
    delay = 0
    capabilities = frozenset({"speed", "timing"})
    block: int
    lookahead: int
    max_tokens: int
    speaker_names: tuple[str, ...]
    speaker_tables: tuple[str, ...] = ("speakers.weight",)
    """Names of the weights that have a row for each speaker."""
    encoded_channels: int
    """Channels of a token that `read` returns."""
    frame_channels: int
    """Channels of a frame that `frames` returns."""
    reads: tuple[str, ...] = ("ids", "word_positions", "mask", "speaker", "pitch_semitones")
    """The fields of `ModelInputs` that are inputs of the ``encoder`` graph."""

    @abstractmethod
    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        """A whole sentence → encoded (batch, token, encoded_channels), whose last channel glides from token to token,
        and log durations in frames (batch, token).

        ``inputs`` has the fields that `reads` names, and the reference where the model reads one; the durations are
        divided by the speed afterwards.
        """

    @abstractmethod
    def initial_frames(self, batch: int) -> State:
        """The state of `frames` before the first frame."""

    @abstractmethod
    def frames(self, x: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        """x from `expand_tokens` (batch, time, encoded_channels + 2), mask (batch, time) → the codec's frames (batch,
        time, channel), delayed by ``lookahead``, and the state; any number of steps."""

    def begin(self, tokens: Sequence[Tokens], styles: Sequence[Style]) -> ParallelState:
        device = next(self.parameters()).device
        arrays = model_inputs(self, tokens, styles, fewest=1)  # only empty sentences: an absent token, and no frames
        inputs = pytree.tree_map(lambda array: torch.from_numpy(array).to(device), arrays)
        encoded, log_durations = self.read(inputs)
        frames = (log_durations.exp() / inputs.speeds).round().clamp(min=1)
        return self._start(encoded, torch.where(inputs.mask, frames, 0).cumsum(dim=1).long())

    def step(self, state: ParallelState) -> tuple[Frames, ParallelState]:
        encoded, ends, position, ahead, layers = state
        made, layers = self._block(encoded, ends, position + self.block, layers)
        made = torch.cat([ahead, made], dim=1)
        _, _, token = expand_tokens(encoded, ends, position, self.block)
        lengths = (ends[:, -1] - position).clamp(0, self.block)
        frames = Frames(made[:, : self.block], token, lengths)
        return frames, ParallelState(encoded, ends, position + self.block, made[:, self.block :], layers)

    def token_ends(self, state: ParallelState) -> Tensor:
        return state.ends

    def with_token_ends(self, state: ParallelState, ends: Tensor) -> ParallelState:
        return self._start(state.encoded, ends)

    def graphs(self) -> tuple[GraphSpec, ...]:
        """``encoder`` and ``decoder`` as `ssmphony.runtime.parallel` runs them."""
        x = torch.zeros(2, self.block, self.encoded_channels + FRAME_FEATURES)
        return (
            read_graph(self),
            GraphSpec(
                name="decoder",
                module=_Decoder(self),
                inputs={"x": x, "mask": torch.ones(2, self.block, dtype=torch.bool)},
                outputs=("frames",),
                state=self.initial_frames(2),
                steps=self.block,
            ),
        )

    def _start(self, encoded: Tensor, ends: Tensor) -> ParallelState:
        first = torch.zeros(len(encoded), dtype=torch.long, device=encoded.device)
        made, layers = self._block(encoded, ends, first, self.initial_frames(len(encoded)))
        return ParallelState(encoded, ends, first, made[:, self.lookahead :], layers)

    def _block(self, encoded: Tensor, ends: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        x, mask, _ = expand_tokens(encoded, ends, first, self.block)
        return self.frames(x, mask, state)


def read_graph(model: Any) -> GraphSpec:
    """The ``encoder`` graph: `ParallelModel.read`, or another model's, of the arrays that its ``reads`` names."""
    arrays, axes = graph_inputs(model, model.reads, model.max_tokens)
    return GraphSpec(
        name="encoder",
        module=_ReadGraph(model, tuple(arrays)),
        inputs=arrays,
        outputs=("encoded", "log_durations"),
        axes=axes,
        longest=model.max_tokens,
    )


class _ReadGraph(nn.Module):
    """`ParallelModel.read`, or another model's, of the arrays ``names``."""

    def __init__(self, model: Any, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *arrays: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.read(ModelInputs.from_named(dict(zip(self.names, arrays, strict=True))))


class _Decoder(nn.Module):
    def __init__(self, model: ParallelModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, mask: Tensor, state: State) -> tuple[Tensor, State]:
        return self.model.frames(x, mask, state)


def expand_tokens(encoded: Tensor, ends: Tensor, first: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Frames ``first`` … ``first + count`` of each row, by the formula of `ssmphony.runtime.expand`.

    encoded (batch, tokens, channel), ends (batch, tokens), first (batch,) → x (batch, count, channel + 2), mask
    (batch, count) and the token each frame speaks (batch, count). The last channel of ``encoded`` is interpolated
    between the centres of the tokens, the others are repeated.
    """
    frame = first[:, None] + torch.arange(count, device=first.device)
    mask = frame < ends[:, -1:]
    token = torch.searchsorted(ends, frame.contiguous(), right=True).clamp(max=ends.shape[1] - 1)
    starts = F.pad(ends[:, :-1], (1, 0))
    begin, end = starts.gather(1, token), ends.gather(1, token)
    length = (end - begin).clamp(min=1).to(encoded.dtype)
    repeated = encoded[..., :-1].gather(1, token[..., None].expand(-1, -1, encoded.shape[2] - 1))
    fraction = (frame - begin + 0.5) / length
    late = fraction >= 0.5
    other = (token + torch.where(late, 1, -1)).clamp(0, ends.shape[1] - 1)
    other = torch.where(starts.gather(1, other) < ends.gather(1, other), other, token)  # next to the last is padding
    centres = (starts + ends).to(encoded.dtype) / 2
    here, there = centres.gather(1, token), centres.gather(1, other)
    share = (frame + 0.5 - here) / torch.where(other == token, 1.0, there - here)
    own, near = encoded[..., -1].gather(1, token), encoded[..., -1].gather(1, other)
    glide = own + (near - own) * share
    added = torch.stack([glide, fraction, length.log() / 5.0], dim=-1)
    return torch.cat([repeated, added], dim=-1) * mask[..., None], mask, token
