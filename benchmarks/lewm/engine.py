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
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.lewm.batches import measure_torch
from benchmarks.lewm.positions import measure_positions
from benchmarks.lewm.random_voices import MIXERS, codec_of, count, exported, matched, model_of, windowed
from benchmarks.lewm.tables import MEETING
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.streams import measure_streams

OUT = RESULTS / "lewm_engine.json"
STREAMS = (1, 8, 64)
Row = dict[str, Any]


def packages(config: str, mixers: Sequence[str], folder: Path, window: int | None = None) -> dict[str, Path]:
    """The voices, exported; attention with ``window``, or that of its config."""
    found: dict[str, Path] = {}
    for mixer in mixers:
        block, name = matched(config, mixer), f"{config}-{mixer}"
        if mixer == "attention" and window is not None:
            block, name = windowed(block, window), f"{name}-{window}"
        print(f"exporting {name}", file=sys.stderr, flush=True)
        found[mixer] = exported(block, name, folder)
    return found


def sizes_of(config: str) -> Row:
    """Parameters of each voice. Raises where they differ by more than 2 %."""
    found = {mixer: count(model_of(block := matched(config, mixer)), codec_of(block)) for mixer in MIXERS}
    if max(found.values()) > 1.02 * min(found.values()):
        raise RuntimeError(f"the voices differ in size: {found}")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="engine,torch,positions")
    parser.add_argument("--config", choices=("base", "small"), default="base")
    parser.add_argument("--mixers", default=",".join(MIXERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, 1 and 8 streams")
    parser.add_argument("--threads", type=int, default=2, help="PyTorch's")
    parser.add_argument("--folder", type=Path, help="where exported voices are kept")
    parser.add_argument("--write", action="store_true", help="fill the pages")
    parser.add_argument("--output", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    sections = chosen.only.split(",")
    if unknown := set(sections) - {"engine", "torch", "positions"}:
        parser.error(f"unknown section {', '.join(sorted(unknown))}")
    mixers = chosen.mixers.split(",")
    if unknown := set(mixers) - set(MIXERS):
        parser.error(f"unknown mixer {', '.join(sorted(unknown))}")
    torch.set_num_threads(chosen.threads)
    rounds, counts = (1, STREAMS[:2]) if chosen.quick else (chosen.rounds, STREAMS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.folder or Path(scratch)
        measures: dict[str, Callable[[], list[Row]]] = {
            "engine": lambda: measure_streams(packages(chosen.config, mixers, folder), rounds, counts),
            "torch": lambda: measure_torch(chosen.config, mixers, rounds, counts),
            "positions": lambda: measure_positions(
                chosen.config, mixers, rounds, packages(chosen.config, mixers, folder, MEETING)
            ),
        }
        for section in sections:
            store(chosen.output, chosen.config, section, measures[section])
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
