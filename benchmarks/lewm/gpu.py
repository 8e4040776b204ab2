"""How many times real time LeWM TTS speaks on a GPU, in float32 and bfloat16, with batches of 1, 8, 64 and more.

    python -m benchmarks.lewm.gpu [--minutes 8] [--batches 1,8,64,256] [--config kokoro] [-o result.json]

Weights are random; what is spoken has the length of real sentences. It ends after ``--minutes``, however far it has
come: the batches are measured in turn, the small ones first. Without a GPU it measures the CPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.lewm.batches import speak_batch
from benchmarks.lewm.random_voices import codec_of, model_of, sentences_of, voice_block
from benchmarks.machine import machine, write_json
from ssmphony.training.config import VoiceConfig

Row = dict[str, Any]
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def measure(block: VoiceConfig, device: str, batches: Sequence[int], until: float) -> list[Row]:
    """Each batch in each type, until the clock of `time.monotonic` says ``until``."""
    tokens = sentences_of(block)
    model, codec = model_of(block).to(device), codec_of(block).to(device)
    rows: list[Row] = []
    for size in batches:
        for name, dtype in TYPES.items():
            if time.monotonic() >= until:
                return rows
            batch = [tokens[index % len(tokens)] for index in range(size)]
            if not rows:
                speak_batch(model, codec, batch[:1], dtype)  # the first call compiles
            row = {"device": device, "type": name, "batch": size, **speak_batch(model, codec, batch, dtype)}
            rows.append(row)
            print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--batches", default="1,8,64,256")
    parser.add_argument("--config", default="kokoro", help="of configs/lewm")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    until = time.monotonic() + 60.0 * chosen.minutes
    device = "cuda" if torch.cuda.is_available() else "cpu"
    batches = [int(size) for size in chosen.batches.split(",")]
    rows = measure(voice_block(chosen.config), device, batches, until)
    if chosen.output is not None:
        write_json({"machine": machine(), "rows": rows}, chosen.output)


if __name__ == "__main__":
    main()
