"""A step of the predictor of LeWM TTS after 10 … 5,000 latents, and the state that it starts from."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from benchmarks.lewm.random_voices import matched, model_of, windowed
from benchmarks.lewm.tables import MEETING
from ssmphony.models.lewm_memory import Memory
from ssmphony.models.lewm_model import LeWM
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.state import flatten
from ssmphony.types import Style, Tokens
from ssmphony.voices.package import load

POSITIONS = (10, 50, 250, 1000, 2500, 5000)
TOKENS = 200
"""Of the text that the predictor attends to while positions are measured."""
Row = dict[str, Any]
Steppers = dict[tuple[str, int], Callable[[], Any]]
"""Steps of each mixer that are timed at each position."""
Sizes = dict[tuple[str, int], int]
"""Bytes of the state it starts from."""


def measure_positions(config: str, mixers: Sequence[str], rounds: int, exports: dict[str, Path]) -> list[Row]:
    """A step after each position, in PyTorch, and in the runtime for the graphs whose state has a constant size."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    results: list[Row] = []
    steppers: Steppers
    sizes: Sizes
    for device in devices:
        steppers, sizes = {}, {}
        for mixer in mixers:
            for position in POSITIONS:
                model, layers = state_after(config, mixer, position, device)
                sizes[mixer, position] = sum(part.nbytes for part in pytree.tree_leaves(layers))
                steppers[mixer, position] = stepper(model, layers, position)
        results += turns(steppers, sizes, rounds, {"way": f"PyTorch, {device}"})
    steppers, sizes = {}, {}
    for mixer, path in exports.items():
        # attention's window is part of its graph: a graph for one position
        found = in_runtime(mixer, path, (MEETING,) if mixer == "attention" else POSITIONS)
        steppers |= found[0]
        sizes |= found[1]
    return results + turns(steppers, sizes, rounds, {"way": "runtime"})


def turns(steppers: Steppers, sizes: Sizes, rounds: int, about: Row) -> list[Row]:
    """The steppers take turns of five calls; the fastest call of all counts."""
    fastest = dict.fromkeys(steppers, float("inf"))
    for _ in range(32 * rounds):
        for key, step in steppers.items():
            step()
            for _ in range(5):
                begin = time.perf_counter()
                step()
                fastest[key] = min(fastest[key], time.perf_counter() - begin)
    return [
        {**about, "mixer": mixer, "position": position, "ms": 1e3 * fastest[mixer, position], "state_bytes": size}
        for (mixer, position), size in sizes.items()
    ]


@torch.inference_mode()
def state_after(config: str, mixer: str, position: int, device: str) -> tuple[LeWM, Any]:
    """The model, attention with a window of ``position``, and its state after that many latents."""
    model = stepping_model(config, mixer, position if mixer == "attention" else None, device)
    layers = model.initial_layers(1)
    z = torch.randn(1, position, model.config.d_latent, device=device)
    every, first = torch.ones(1, position, dtype=torch.bool, device=device), torch.zeros(1, dtype=torch.long)
    memory = text(model)
    for start in range(0, position, 512):  # what all at once would need of attention grows with the square
        part = slice(start, start + 512)
        at = (first + start).to(device)
        _, layers = model.predict(z[:, part], at, every[:, part], memory, memory.present[:, None], layers)
    return model, layers


@functools.cache
def stepping_model(config: str, mixer: str, window: int | None, device: str) -> LeWM:
    block = matched(config, mixer)
    if window is not None:
        block = windowed(block, window)
    return model_of(block).to(device)


def text(model: LeWM) -> Memory:
    device = model.head.weight.device
    ids = torch.arange(TOKENS, device=device)[None] % 50 + 1
    return model.read(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros(1, dtype=torch.long, device=device))


def stepper(model: LeWM, layers: Any, position: int) -> Callable[[], Tensor]:
    memory, device = text(model), model.head.weight.device
    latent = torch.randn(1, model.config.d_latent, device=device)
    at, token = torch.tensor([position], device=device), torch.tensor([TOKENS // 2], device=device)

    @torch.inference_mode()
    def step() -> Tensor:
        made = model.advance(latent, at, token, memory.tensors(), memory.present, layers)
        return made.frame.cpu()

    return step


def in_runtime(mixer: str, path: Path, positions: Sequence[int]) -> tuple[Steppers, Sizes]:
    """A block of an exported voice: the states of one run of 5,000 latents, each continued from there."""
    voice = load(path, threads=1)
    assert isinstance(voice.model, AutoregressiveRuntime)
    model, symbols = voice.model, voice.frontend.symbols
    ids = tuple(1 + 3 * i % (len(symbols) - 1) for i in range(min(TOKENS, model.max_tokens)))
    state = model.begin([Tokens(ids, tuple(symbols[i] for i in ids))], [Style()])
    state = state._replace(max_frames=np.array([10**9]))
    steppers: Steppers = {}
    sizes: Sizes = {}
    for position in positions:
        while int(state.position[0]) < position:
            _, state = model.step(state)
        steppers[mixer, position] = lambda state=state: model.step(state)
        sizes[mixer, position] = sum(part.nbytes for part in flatten(state.layers))
    return steppers, sizes
