"""Time and memory of a step as speech grows: state-space layers, attention with its cache, the whole sequence again.

    python -m benchmarks.fish.growth [--frames 10 100 1000 10000] [--ways step whole] [--voice FOLDER] [--rounds 20]
        [--write]

Three models of equal size (``configs/fish/base.yaml``, ``mamba.yaml``, ``attention.yaml``) with random weights, which
take as long as trained ones; attention sees everything that came before. *step* is how this project speaks: one frame
from the state of the last. *whole* is how it is done without a state: the sequence is read again for every frame. Times
are those of the processor, the fastest of the rounds, on one thread. ``--voice`` adds the steps of an exported voice on
ONNX Runtime. Ways that are not asked for keep their rows of the last run.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from benchmarks.fish import tables
from benchmarks.machine import RESULTS, ROOT, machine, write_json
from benchmarks.update_docs import update
from ssmphony.config import load_json, load_yaml, merge
from ssmphony.models.fish_model import Fish
from ssmphony.nn.attention import AttentionState
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.state import flatten
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Style, Tokens
from ssmphony.voices.package import load

OUT = RESULTS / "fish_growth.json"
CONFIGS = ROOT / "configs" / "fish"
SYSTEMS = {"mamba2": "base.yaml", "mamba": "mamba.yaml", "attention": "attention.yaml"}
WAYS = ("step", "whole")
FRAMES = (10, 100, 1000, 10_000)
TOKENS = 50
PIECE = 500
"""Frames that are read at once on the way to a later one."""
MOST_PAIRS = 5e7
"""Of frames that attend to each other when a sequence is read at once: what is larger takes more memory than there
is."""
Row = dict[str, Any]


def voice_block(name: str, changes: Row | None = None) -> VoiceConfig:
    """The voice of a training file and of the one that it extends."""
    data = load_yaml(CONFIGS / SYSTEMS[name])
    voice: Row = data["voice"]
    if parent := data.get("extends"):
        voice = merge(load_yaml(CONFIGS / parent)["voice"], voice)
    return VoiceConfig(**merge(voice, {"model": changes or {}}))


@functools.cache
def model_of(name: str, window: int | None = None) -> Fish:
    """With random weights; attention sees ``window`` frames back."""
    mixers = {"mixers": [{"kind": "attention", "window": window}]} if window and name == "attention" else {}
    block = voice_block(name, mixers)
    torch.manual_seed(0)
    return block.model_settings(len(block.frontend_symbols())).build().eval().requires_grad_(False)


def layers_size(model: Fish) -> int:
    """Parameters of the layers over frames."""
    return sum(part.numel() for stack in (model.lower, model.upper) for part in stack.parameters())


def text(model: Fish, frames: int) -> tuple[Any, Tensor]:
    """The memory of a text whose end is after ``frames``, and which of its tokens there are."""
    ids = 1 + torch.arange(TOKENS)[None] % 40
    present = torch.ones_like(ids, dtype=torch.bool)
    h = model.read(ids, present, torch.zeros(1, dtype=torch.long))
    ends = torch.linspace(1, 2 * frames, TOKENS)[None].round()
    return (h[:, None], ends[:, None, :, None]), present


@torch.inference_mode()
def state_after(model: Fish, frames: int) -> Any:
    """Of the layers. A cache of attention is filled with anything: it takes as long to read."""
    state = model.fresh(1)
    if any(isinstance(part, AttentionState) for part in _parts(state)):
        return pytree.tree_map(lambda part: part | True if part.dtype == torch.bool else torch.randn_like(part), state)
    for first in range(0, frames, PIECE):
        count = min(PIECE, frames - first)
        x = 0.3 * torch.randn(1, count, model.config.d_model)
        _, state, _ = model.layers(x, torch.ones(1, count, dtype=torch.bool), state)
    return state


def _parts(state: Any) -> list[Any]:
    """The states of layers."""
    return pytree.tree_leaves(state, is_leaf=lambda part: isinstance(part, AttentionState))


def stepper(model: Fish, state: Any, frames: int) -> Callable[[], Any]:
    memory, present = text(model, frames)
    codes = torch.randint(0, model.codebooks[0], (1, len(model.codebooks)))
    position, token = torch.tensor([frames]), torch.zeros(1)

    @torch.inference_mode()
    def step() -> Any:
        return model.advance(codes, position, token, memory, present, state).frame

    return step


def reader(model: Fish, frames: int) -> Callable[[], Any]:
    """All of the sequence at once, for the one frame after it."""
    x, mask = 0.3 * torch.randn(1, frames, model.config.d_model), torch.ones(1, frames, dtype=torch.bool)

    @torch.inference_mode()
    def read() -> Any:
        y, *_ = model.layers(x, mask, model.fresh(1))
        return model.heads(y[:, -1])

    return read


def steps(frames: Sequence[int], rounds: int) -> list[Row]:
    """The steps of all systems after all numbers of frames take turns."""
    calls: dict[tuple[str, int], Callable[[], Any]] = {}
    sizes: dict[tuple[str, int], int] = {}
    for name in SYSTEMS:
        for count in frames:
            model = model_of(name, count + 1)
            state = state_after(model, count)
            sizes[name, count] = sum(part.nbytes for part in pytree.tree_leaves(state))
            calls[name, count] = stepper(model, state, count)
    return _rows("step", turns(calls, rounds), sizes)


def whole(frames: Sequence[int], rounds: int) -> list[Row]:
    """Reading everything again: the peak is what the process grew by."""
    spent: dict[tuple[str, int], float] = {}
    peaks: dict[tuple[str, int], int] = {}
    for name in SYSTEMS:
        for count in frames:
            if name == "attention" and count**2 > MOST_PAIRS:
                continue
            read = reader(model_of(name, count + 1), count)
            before = _reset_peak()
            spent |= turns({(name, count): read}, rounds if count < 1000 else 2)
            peaks[name, count] = max(0, _peak() - before)
    return _rows("whole", spent, peaks)


def turns(calls: dict[tuple[str, int], Callable[[], Any]], rounds: int) -> dict[tuple[str, int], float]:
    """Processor-seconds of each: the fastest call counts, since what else a machine does only adds."""
    fastest = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for key, call in calls.items():
            call()
            for _ in range(3):
                begin = time.process_time()
                call()
                fastest[key] = min(fastest[key], time.process_time() - begin)
    return fastest


def _rows(way: str, spent: dict[tuple[str, int], float], sizes: dict[tuple[str, int], int]) -> list[Row]:
    rows: list[Row] = []
    for name in dict.fromkeys(system for system, _ in spent):
        known = {count: seconds for (system, count), seconds in spent.items() if system == name}
        for count, seconds in known.items():
            total = total_seconds(known, count)
            row = {"system": name, "way": way, "frames": count, "ms": 1e3 * seconds, "total_s": total}
            rows.append({**row, "bytes": int(sizes[name, count])})
    return rows


def total_seconds(known: dict[int, float], frames: int) -> float:
    """Of all steps up to there; between measured ones their time is a straight line."""
    places = np.arange(frames)
    return float(np.interp(places, list(known), list(known.values())).sum())


def in_runtime(folder: Path, frames: Sequence[int], rounds: int) -> list[Row]:
    """A step of an exported voice, sampling included, on one run of as many frames as are asked for.

    No code is drawn a second time for its repetition: long after the end of the text, the model says the same in each
    frame, and would pay for two draws there.
    """
    voice = load(folder, threads=1)
    model, symbols = voice.model, voice.frontend.symbols
    assert isinstance(model, AutoregressiveRuntime), "a voice of this family"
    model.sampler = replace(model.sampler, repetition_share=1.0)
    ids = tuple(1 + 3 * i % (len(symbols) - 1) for i in range(TOKENS))
    state = model.begin([Tokens(ids, tuple(symbols[i] for i in ids))], [Style()])
    state = state._replace(max_frames=np.array([10**9]), memory=tuple(_endless(part) for part in state.memory))
    calls: dict[tuple[str, int], Callable[[], Any]] = {}
    sizes: dict[tuple[str, int], int] = {}
    for count in frames:
        while int(state.position[0]) < count:
            _, state = model.step(state)
        calls["exported voice", count] = lambda state=state: model.step(state)
        sizes["exported voice", count] = sum(part.nbytes for part in flatten(state.layers))
    return _rows("step", {key: value / model.block for key, value in turns(calls, rounds).items()}, sizes)


def _endless(memory: Any) -> Any:
    """The ends of tokens, so late that no sentence is over."""
    return memory * 1e4 if memory.shape[-1] == 1 else memory


def _reset_peak() -> int:
    """Bytes of the process now; the peak begins anew. Linux only."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--frames", type=int, nargs="+", default=list(FRAMES))
    options.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    options.add_argument("--voice", type=Path, help="an exported voice")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    options.add_argument("--output", type=Path, default=OUT)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    about, old = machine(1), load_json(arguments.output)["rows"] if arguments.output.exists() else []
    rows = steps(arguments.frames, arguments.rounds) if "step" in arguments.ways else []
    if arguments.voice:
        rows += in_runtime(arguments.voice, arguments.frames, arguments.rounds)
    rows += whole(arguments.frames, arguments.rounds) if "whole" in arguments.ways else []
    made = {(row["system"], row["way"]) for row in rows}
    rows += [row for row in old if (row["system"], row["way"]) not in made]
    sizes = {name: layers_size(model_of(name)) for name in SYSTEMS}
    result = {"machine": about, "parameters": sizes, "rows": rows}
    print(tables.growth(result))
    write_json(result, arguments.output)
    if arguments.write:
        update()


if __name__ == "__main__":
    main()
