"""Models that write sound sample by sample: the distribution of each mu-law code given those before it.

SaShiMi and what it is compared with (WaveNet, SampleRNN) differ in the backbone alone. Codes are embedded and shifted
by one step, a class is added to each, and a linear layer reads logits off the backbone's output. What is asked for can
be followed more closely than the training data do (``guidance``), by the same model with the class and without it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.audio.mu_law import LEVELS, SILENCE
from ssmphony.config import Config
from ssmphony.interfaces import Generator, State
from ssmphony.types import SsmphonyError, Style

NOISE_BLOCK = 1024
"""Samples whose random numbers are drawn at once; a part of what a seed means."""


class SampleModelConfig(Config):
    """What all of them have."""

    kind: Any
    sample_rate: int = Field(default=8_000, ge=1_000)
    classes: tuple[str, ...] = ()
    """What can be asked for, such as the ten digits; none for a model without condition."""
    d_model: int = Field(default=32, ge=1)
    """Width of the embeddings, and of the backbone's output."""
    guidance: float = Field(default=1.0, ge=1.0)
    """When a class is asked for: how far its logits are moved from those of no class, ``l0 + guidance (l - l0)`` (Ho
    and Salimans, *Classifier-free diffusion guidance*, arXiv 2207.12598). Above 1 each sample takes two steps."""
    block: int = Field(default=64, ge=1)
    """Samples that `Generator.step` returns."""

    @field_validator("classes")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a class is named twice")
        return value

    @abstractmethod
    def build(self) -> SampleModel: ...


class SamplesState(NamedTuple):
    """memory: of the backbone. free: of the backbone that reads the same codes without a class; () without guidance.
    last: (batch,) the code before the next one. labels: (batch,) 0 for no class, else 1 and up. seeds, positions:
    (batch,) int64. temperatures: (batch,)."""

    memory: State
    free: State
    last: Tensor
    labels: Tensor
    seeds: Tensor
    positions: Tensor
    temperatures: Tensor


class SampleModel(nn.Module, Generator):
    """Base of the models. A backbone has `initial_memory`, `run` and `whole`; ``frame`` samples are whole for it."""

    frame = 1

    def __init__(self, config: SampleModelConfig, width: int | None = None) -> None:
        """``width``: channels of the backbone's output, where they are not ``d_model``."""
        super().__init__()
        self.config = config
        self.guidance = config.guidance
        self.embedding = nn.Embedding(LEVELS, config.d_model)
        self.condition = nn.Embedding(len(config.classes) + 1, config.d_model) if config.classes else None
        self.norm = nn.LayerNorm(width or config.d_model)
        self.head = nn.Linear(width or config.d_model, LEVELS)

    @abstractmethod
    def initial_memory(self, batch: int) -> State: ...

    @abstractmethod
    def run(self, x: Tensor, memory: State) -> tuple[Tensor, State]:
        """x (batch, time, d_model), any time ≥ 1 → (batch, time, width) and the memory. Pure and causal."""

    def whole(self, x: Tensor) -> Tensor:
        """`run` from the beginning, where the memory after it is not needed; time is a multiple of ``frame``."""
        return self.run(x, self.initial_memory(len(x)))[0]

    # -- training -----------------------------------------------------------------------------------------------------

    def forward(self, codes: Tensor, labels: Tensor) -> Tensor:
        """codes (batch, time), labels (batch,) as in `SamplesState` → logits (batch, time, level) of each code, from
        those before it."""
        return self.read(self.whole(self.inputs(codes, labels))[:, : codes.shape[1]])

    def inputs(self, codes: Tensor, labels: Tensor) -> Tensor:
        """What the backbone reads to predict ``codes``: (batch, time in whole frames, d_model)."""
        before = torch.cat([torch.full_like(codes[:, :1], SILENCE), codes[:, :-1]], dim=1)
        padded = nn.functional.pad(before, (0, -codes.shape[1] % self.frame), value=SILENCE)
        return self.embed(padded, labels)

    def embed(self, codes: Tensor, labels: Tensor) -> Tensor:
        """codes (batch, time) → (batch, time, d_model)."""
        x = self.embedding(codes)
        return x if self.condition is None else x + self.condition(labels)[:, None]

    def read(self, y: Tensor) -> Tensor:
        """(…, width) → logits (…, level)."""
        return self.head(self.norm(y))

    # -- generation ---------------------------------------------------------------------------------------------------

    def begin(self, styles: Sequence[Style]) -> SamplesState:
        """``speaker`` of a style names a class; None: any of them, as the training data has them."""
        batch, device = len(styles), self.head.weight.device
        labels = torch.tensor([self.label(style.speaker) for style in styles], device=device)
        guided = self.condition is not None and self.guidance > 1.0 and bool(labels.any())
        return SamplesState(
            memory=self.initial_memory(batch),
            free=self.initial_memory(batch) if guided else (),
            last=torch.full_like(labels, SILENCE),
            labels=labels,
            seeds=torch.tensor([style.seed % 2**63 for style in styles], device=device),
            positions=torch.zeros_like(labels),
            temperatures=torch.tensor([1.0 if s.temperature is None else s.temperature for s in styles], device=device),
        )

    def label(self, name: str | None) -> int:
        """The number of a class, 0 for None. Raises `SsmphonyError` for one that the model does not know."""
        if name is None:
            return 0
        if name not in self.config.classes:
            known = ", ".join(self.config.classes) or "none: it was trained without"
            raise SsmphonyError(f"no class '{name}'; the model knows {known}")
        return self.config.classes.index(name) + 1

    @torch.inference_mode()
    def step(self, state: SamplesState) -> tuple[Tensor, SamplesState]:
        """The next codes (batch, ``block``, 1)."""
        codes: list[Tensor] = []
        memory, last, labels, batch = state.memory, state.last, state.labels, len(state.labels)
        guided = state.free != ()
        if guided:  # the same sounds without their class, as further rows
            memory = pytree.tree_map(lambda *parts: torch.cat(parts), memory, state.free)
            labels = torch.cat([labels, torch.zeros_like(labels)])
        class_part = 0.0 if self.condition is None else self.condition(labels)
        for uniform in _uniform(state.seeds, state.positions, self.config.block).unbind(1):
            x = self.embedding(torch.cat([last, last]) if guided else last) + class_part
            y, memory = self.run_step(x, memory)
            logits = self.read(y)
            if guided:
                logits, of_any = logits.chunk(2)
                free = of_any.log_softmax(-1)
                closer = free + self.guidance * (logits.log_softmax(-1) - free)
                logits = torch.where(state.labels[:, None] > 0, closer, logits)
            last = draw(logits, uniform, state.temperatures)
            codes.append(last)
        free = pytree.tree_map(lambda part: part[batch:], memory) if guided else ()
        memory = pytree.tree_map(lambda part: part[:batch], memory) if guided else memory
        state = state._replace(memory=memory, free=free, last=last, positions=state.positions + self.config.block)
        return torch.stack(codes, dim=1)[..., None], state

    def run_step(self, x: Tensor, memory: State) -> tuple[Tensor, State]:
        """`run` of one step: x (batch, d_model) → (batch, width) and the memory."""
        y, memory = self.run(x[:, None], memory)
        return y[:, 0], memory


def draw(logits: Tensor, uniform: Tensor, temperatures: Tensor) -> Tensor:
    """Codes (batch,) by inverting the cumulative distribution at ``uniform`` (batch,) in [0, 1).

    A temperature of 0 takes the likeliest code.
    """
    scaled = logits.double() / temperatures.double().clamp(min=1e-6)[:, None]
    cumulative = scaled.softmax(-1).cumsum(-1)
    drawn = torch.searchsorted(cumulative, (uniform.double() * cumulative[:, -1])[:, None], right=True)[:, 0]
    return torch.where(temperatures > 0.0, drawn.clamp(max=logits.shape[-1] - 1), logits.argmax(-1))


def _uniform(seeds: Tensor, positions: Tensor, count: int) -> Tensor:
    """Random numbers (batch, count) in [0, 1), each a function of its row's seed and its absolute position."""
    rows = []
    for seed, first in zip(seeds.tolist(), positions.tolist(), strict=True):
        blocks = range(first // NOISE_BLOCK, (first + count - 1) // NOISE_BLOCK + 1)
        numbers = np.concatenate([_noise(seed, block) for block in blocks])
        rows.append(numbers[first % NOISE_BLOCK :][:count])
    return torch.from_numpy(np.stack(rows)).to(seeds.device)


def _noise(seed: int, block: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=seed, counter=block << 64)).random(NOISE_BLOCK)


def numbered(style: Style, count: int) -> list[Style]:
    """Styles of ``count`` rows: the seed of row ``i`` is that of the style plus ``i``."""
    return [replace(style, seed=style.seed + row) for row in range(count)]
