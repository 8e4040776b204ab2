"""After SampleRNN, for comparison: a GRU over frames, and a small network over samples (Mehri et al. 2017, arXiv
1612.07837). Theirs has three tiers and is trained on cut sequences; this one has two, and whole clips."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.models.samples import SampleModel, SampleModelConfig


class SampleRnnConfig(SampleModelConfig):
    """See the module's docstring."""

    kind: Literal["sample_rnn"] = "sample_rnn"
    d_model: int = 64
    frame: int = Field(default=16, ge=2)
    """Samples of a frame."""
    d_frame: int = 256
    """Width of the GRU."""
    d_sample: int = 128
    """Width of the network over samples."""

    def build(self) -> SampleRnn:
        return SampleRnn(self)

    @classmethod
    def tiny(cls) -> dict[str, SampleRnnConfig]:
        """The smallest configs that have all parts, by form."""
        shape: dict[str, Any] = {"d_model": 6, "frame": 3, "d_frame": 8, "d_sample": 8, "block": 5}
        return {"": cls.model_validate(shape)}


class SampleRnnState(NamedTuple):
    """hidden: (batch, d_frame) of the GRU. window: (batch, frame - 1, d_model), the last inputs. held: inputs of this
    frame, each (batch, d_model). pending: (batch, frame, d_sample), what the GRU says of its samples.
    """

    hidden: Tensor
    window: Tensor
    pending: Tensor
    held: tuple[Tensor, ...]


class SampleRnn(SampleModel):
    """The GRU has read all frames before the one whose samples are drawn."""

    config: SampleRnnConfig

    def __init__(self, config: SampleRnnConfig) -> None:
        super().__init__(config, config.d_sample)
        self.frame = config.frame
        self.read_frame = nn.Linear(config.frame * config.d_model, config.d_frame)
        self.gru = nn.GRU(config.d_frame, config.d_frame, batch_first=True)
        self.spread = nn.Linear(config.d_frame, config.frame * config.d_sample)
        self.conv = nn.Conv1d(config.d_model, config.d_sample, config.frame)
        self.mix = nn.Linear(config.d_sample, config.d_sample)

    def initial_memory(self, batch: int) -> SampleRnnState:
        config, new = self.config, self.head.weight.new_zeros
        window = new(batch, config.frame - 1, config.d_model)
        return SampleRnnState(new(batch, config.d_frame), window, new(batch, config.frame, config.d_sample), ())

    def run(self, x: Tensor, memory: SampleRnnState) -> tuple[Tensor, SampleRnnState]:
        outputs: list[Tensor] = []
        while (place := sum(part.shape[1] for part in outputs)) < x.shape[1]:
            whole = (x.shape[1] - place) // self.frame * self.frame
            if whole and not memory.held:
                y, memory = self._frames(x[:, place : place + whole], memory)
            else:
                y, memory = self._one(x[:, place : place + 1], memory)
            outputs.append(y)
        return torch.cat(outputs, dim=1), memory

    def _frames(self, x: Tensor, memory: SampleRnnState) -> tuple[Tensor, SampleRnnState]:
        frames = self.read_frame(x.unflatten(1, (-1, self.frame)).flatten(2))
        hidden, last = self.gru(frames, memory.hidden[None].contiguous())
        after = self.spread(hidden).unflatten(-1, (self.frame, -1))
        joined = torch.cat([memory.pending[:, None], after], dim=1)
        y, window = self._samples(x, joined[:, :-1].flatten(1, 2), memory.window)
        return y, SampleRnnState(last[0], window, joined[:, -1], ())

    def _one(self, x: Tensor, memory: SampleRnnState) -> tuple[Tensor, SampleRnnState]:
        place = len(memory.held)
        y, window = self._samples(x, memory.pending[:, place : place + 1], memory.window)
        memory = memory._replace(window=window, held=(*memory.held, x[:, 0]))
        if len(memory.held) < self.frame:
            return y, memory
        frame = self.read_frame(torch.stack(memory.held, dim=1).flatten(1))
        hidden, last = self.gru(frame[:, None], memory.hidden[None].contiguous())
        pending = self.spread(hidden)[:, 0].unflatten(-1, (self.frame, -1))
        return y, SampleRnnState(last[0], window, pending, ())

    def _samples(self, x: Tensor, frames: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([window, x], dim=1)
        y = F.relu(self.conv(joined.transpose(1, 2)).transpose(1, 2) + frames)
        return F.relu(self.mix(y)), joined[:, x.shape[1] :]
