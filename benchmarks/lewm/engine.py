"""Speed of LeWM TTS: attention with its cache compared with Mamba and Mamba-2, at the same number of parameters.

    python -m benchmarks.lewm.engine [--only engine,torch,positions] [--config base] [--mixers attention,mamba,mamba2]
        [--quick] [--folder DIR] [--write]

engine     exported voices through `ssmphony.engine`: seconds of audio a second with 1, 8 and 64 streams.
torch      the same models in PyTorch, batches of 1, 8 and 64; on a GPU in float32, bfloat16 and float16 too.
positions  a step of the predictor and its state after 10 … 5,000 latents: attention keeps all of them.

Weights are random (`benchmarks.lewm.random_voices`), so no training is needed and every sentence has the length of real
speech. The voices take turns; the best of the rounds counts, because what else a machine does only adds. Exported
voices are kept in ``--folder`` and taken from there the next time. Each section is stored in
``benchmarks/results/lewm_engine.json`` as soon as it is measured; ``--write`` fills the documentation from it.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from benchmarks.lewm.random_voices import MIXERS, codec_of, count, exported, matched, model_of
from benchmarks.lewm.tables import MEETING
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.spoken_texts import SENTENCES
from ssmphony.codecs.latent import Latent
from ssmphony.codecs.lewm import LeWMCodec
from ssmphony.engine import Engine
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.lewm_memory import Memory
from ssmphony.models.lewm_model import LeWM
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.state import flatten
from ssmphony.text import FRONTENDS
from ssmphony.types import Style, Tokens
from ssmphony.voices.package import load

OUT = RESULTS / "lewm_engine.json"
STREAMS = (1, 8, 64)
POSITIONS = (10, 50, 250, 1000, 2500, 5000)
TOKENS = 200
"""Of the text that the predictor attends to while positions are measured."""
Row = dict[str, Any]
Steppers = dict[tuple[str, int], Callable[[], Any]]
"""Steps of each mixer that are timed at each position."""
Sizes = dict[tuple[str, int], int]
"""Bytes of the state it starts from."""


# -- engine -------------------------------------------------------------------------------------------------------


def speak(engine: Engine, streams: int) -> Row:
    """``streams`` sentences at once, each read by its own thread."""
    seconds = [0.0] * streams
    opened = [engine.stream(SENTENCES[i % len(SENTENCES)]) for i in range(streams)]

    def listen(i: int) -> None:
        seconds[i] = sum(chunk.seconds for chunk in opened[i])

    listeners = [threading.Thread(target=listen, args=(i,)) for i in range(streams)]
    begin, processor = time.perf_counter(), time.process_time()
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join()
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    audio = sum(seconds)
    return {"audio_s": audio, "realtime": audio / wall, "processor": processor / audio}


def measure_engine(voices: dict[str, Path], rounds: int, streams: Sequence[int]) -> list[Row]:
    """Best of the rounds, of every voice with every number of streams."""
    engines = {name: Engine(load(path, threads=1), buffer_s=1e9) for name, path in voices.items()}
    runs: dict[tuple[str, int], list[Row]] = {}
    try:
        for engine in engines.values():
            speak(engine, 1)
        for size in streams:
            for _ in range(rounds):
                for name, engine in engines.items():
                    runs.setdefault((name, size), []).append(speak(engine, size))
                    note(f"engine, {name}, {size} streams: {runs[name, size][-1]}")
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        rows = {name: engine.stats().slots // workers for name, engine in engines.items()}
    finally:
        for engine in engines.values():
            engine.close(drain=False)
    return [
        {"mixer": name, "streams": size, "rows": rows[name], "audio_s": found[0]["audio_s"], **best(found)}
        for (name, size), found in runs.items()
    ]


def best(runs: list[Row]) -> Row:
    return {"realtime": max(row["realtime"] for row in runs), "processor": min(row["processor"] for row in runs)}


# -- PyTorch ------------------------------------------------------------------------------------------------------


def ways() -> list[tuple[str, torch.dtype]]:
    """Where and in what precision."""
    cpu = [("cpu", torch.float32)]
    if not torch.cuda.is_available():
        note("no GPU here: bfloat16 and float16 are not measured")
        return cpu
    return [*cpu, *(("cuda", dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16))]


@torch.inference_mode()
def speak_batch(model: LeWM, codec: LeWMCodec | Latent, tokens: list[Tokens], dtype: torch.dtype) -> Row:
    """A batch of sentences to its end, each block decoded as it comes."""
    device = model.head.weight.device
    lowered = torch.autocast(device.type, dtype) if dtype != torch.float32 else nullcontext()
    audio, begin = 0, time.perf_counter()
    with lowered:
        state, sound = model.begin(tokens, [Style()] * len(tokens)), codec.initial_state(len(tokens))
        while not bool(state.done.all()):
            frames, state = model.step(state)
            mask = torch.arange(frames.values.shape[1], device=device) < frames.lengths[:, None]
            samples, sound = codec.decode(frames.values.float(), mask, sound)
            audio += int(frames.lengths.sum())
            samples.cpu()
    wall = time.perf_counter() - begin
    seconds = audio * codec.grid.hop_length / codec.grid.sample_rate
    return {"audio_s": seconds, "realtime": seconds / wall}


def measure_torch(config: str, mixers: Sequence[str], rounds: int, batches: Sequence[int]) -> list[Row]:
    frontend = FRONTENDS["bytes"].model_validate(matched(config, "attention").frontend).build()
    tokens = [next(iter(frontend.sentences(text))) for text in SENTENCES]
    results: list[Row] = []
    for device, dtype in ways():
        for mixer in mixers:
            block = matched(config, mixer)
            model, codec = model_of(block).to(device), codec_of(block).to(device)
            for size in batches:
                batch = [tokens[i % len(tokens)] for i in range(size)]
                runs = [speak_batch(model, codec, batch, dtype) for _ in range(rounds + (device != "cpu"))]
                row = {"mixer": mixer, "device": device, "dtype": str(dtype).removeprefix("torch."), "batch": size}
                results.append({**row, "audio_s": runs[0]["audio_s"], "realtime": max(r["realtime"] for r in runs)})
                note(f"torch: {results[-1]}")
    return results


# -- positions ----------------------------------------------------------------------------------------------------


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
    z = torch.randn(1, position, settings(model).d_latent, device=device)
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
        block.model["mixer"] = {"kind": mixer, "window": window}
    return model_of(block).to(device)


def settings(model: LeWM) -> LeWMConfig:
    return model.config


def text(model: LeWM) -> Memory:
    device = model.head.weight.device
    ids = torch.arange(TOKENS, device=device)[None] % 50 + 1
    return model.read(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros(1, dtype=torch.long, device=device))


def stepper(model: LeWM, layers: Any, position: int) -> Callable[[], None]:
    memory, device = text(model), model.head.weight.device
    latent = torch.randn(1, settings(model).d_latent, device=device)
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


# -- all ----------------------------------------------------------------------------------------------------------


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def packages(config: str, mixers: Sequence[str], folder: Path, window: int | None = None) -> dict[str, Path]:
    """The voices, exported; attention with ``window``, or that of its config."""
    found: dict[str, Path] = {}
    for mixer in mixers:
        block, name = matched(config, mixer), f"{config}-{mixer}"
        if mixer == "attention" and window is not None:
            block.model["mixer"], name = {"kind": mixer, "window": window}, f"{name}-{window}"
        note(f"exporting {name}")
        found[mixer] = exported(block, name, folder)
    return found


def sizes_of(config: str) -> Row:
    """Parameters of each voice. Raises where they differ by more than 2 %."""
    found = {mixer: count(model_of(block := matched(config, mixer)), codec_of(block)) for mixer in MIXERS}
    if max(found.values()) > 1.02 * min(found.values()):
        raise RuntimeError(f"the voices differ in size: {found}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="engine,torch,positions")
    parser.add_argument("--config", choices=("base", "small"), default="base")
    parser.add_argument("--mixers", default=",".join(MIXERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, 1 and 8 streams")
    parser.add_argument("--threads", type=int, default=2, help="PyTorch's")
    parser.add_argument("--folder", type=Path, help="where exported voices are kept")
    parser.add_argument("--write", action="store_true", help="fill the documentation")
    parser.add_argument("--output", type=Path, default=OUT)
    chosen = parser.parse_args()
    sections = chosen.only.split(",")
    if unknown := set(sections) - {"engine", "torch", "positions"}:
        parser.error(f"unknown section {', '.join(sorted(unknown))}")
    mixers = chosen.mixers.split(",")
    if unknown := set(mixers) - set(MIXERS):
        parser.error(f"unknown mixer {', '.join(sorted(unknown))}")
    torch.set_num_threads(chosen.threads)
    rounds, streams = (1, STREAMS[:2]) if chosen.quick else (chosen.rounds, STREAMS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        measures: dict[str, Callable[[], list[Row]]] = {
            "engine": lambda: measure_engine(packages(chosen.config, mixers, folder), rounds, streams),
            "torch": lambda: measure_torch(chosen.config, mixers, rounds, streams),
            "positions": lambda: measure_positions(
                chosen.config, mixers, rounds, packages(chosen.config, mixers, folder, MEETING)
            ),
        }
        for section in sections:
            write_json(chosen.output, chosen.config, section, measures[section])
    if chosen.write:
        from benchmarks.update_docs import update

        update()


def store(path: Path, config: str, section: str, measure: Callable[[], list[Row]]) -> None:
    about = machine()
    rows = measure()
    stored: Row = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    part = stored.setdefault(config, {})
    part["parameters"] = sizes_of(config)
    part[section] = {"machine": about, "rows": rows}
    write_json(stored, path)


if __name__ == "__main__":
    main()
