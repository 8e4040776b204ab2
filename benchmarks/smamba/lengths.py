"""What a sentence costs the mixers of SMamba, against its length: a processor's time, and memory.

    python -m benchmarks.smamba.lengths [--lengths 10 30 100 300 1000 3000] [--repeats 3] [--write]

The twins of ``configs/smamba`` with weights as they are before training, which cost the same as trained ones: text
encoder, durations and flow in PyTorch on one thread, all but the codec, which is the same for all. Each length is
measured in a process of its own, so that peaks of memory are its own; lengths and twins take turns. Time is of the
processor, not of the clock: other programs on the machine matter little.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.machine import RESULTS, ROOT, machine, write_json
from benchmarks.smamba import tables
from benchmarks.update_docs import update

OUT = RESULTS / "smamba_lengths.json"
TWINS = ("base", "attention", "s4")
LENGTHS = (10, 30, 100, 300, 1_000, 3_000)
"""Phones."""
FRAMES_A_PHONE = 6
"""At 80 frames a second, as the teacher speaks."""


def measure(twin: str, phones: int, repeats: int) -> dict[str, float]:
    """Processor seconds of one sentence, the least of ``repeats``, and what memory it takes in MB. In this process."""
    import torch

    from ssmphony.config import load_yaml
    from ssmphony.models.parallel import expand_tokens
    from ssmphony.models.smamba import SMambaConfig

    torch.set_num_threads(1)
    block = load_yaml(ROOT / f"configs/smamba/{twin}.yaml")["voice"]["model"]
    model = SMambaConfig.model_validate({"n_symbols": 80, **block}).build().eval()
    ids = 1 + torch.arange(phones)[None] % 70
    mask, style = torch.ones_like(ids, dtype=torch.bool), torch.randn(1, model.config.d_style)
    ends = torch.arange(1, phones + 1)[None] * FRAMES_A_PHONE
    count, noise = phones * FRAMES_A_PHONE, torch.randn(1, phones * FRAMES_A_PHONE, model.noise_channels)

    @torch.no_grad()
    def speak() -> None:
        states = model.text(ids, torch.zeros_like(ids), mask, style)
        model.duration(states, mask)
        same = style[:, None].expand(-1, phones, -1)
        encoded = torch.cat([model.prior(states), same, torch.zeros(1, phones, 1)], dim=-1)
        x, frame_mask, _ = expand_tokens(encoded, ends, torch.zeros(1, dtype=torch.long), count)
        model.frames(x, frame_mask, noise)

    before, seconds = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, list[float]()
    for _ in range(repeats):
        start = time.process_time()
        speak()
        seconds.append(time.process_time() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(seconds), "megabytes": (after - before) / 1024}


def run(lengths: tuple[int, ...], repeats: int) -> dict[str, Any]:
    """All twins and lengths in turn, each in a process of its own."""
    rows: list[dict[str, Any]] = []
    for phones in lengths:
        for twin in TWINS:
            command = [sys.executable, "-m", "benchmarks.smamba.lengths", "--one", twin, str(phones), str(repeats)]
            answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            rows.append({"twin": twin, "phones": phones, **json.loads(answer.stdout)})
            print(rows[-1], flush=True)
    return {"machine": machine(1), "frames_a_phone": FRAMES_A_PHONE, "repeats": repeats, "rows": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="phones")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("TWIN", "PHONES", "REPEATS"), help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = parser.parse_args()
    if arguments.one:
        twin, phones, repeats = arguments.one
        print(json.dumps(measure(twin, int(phones), int(repeats))))
        return
    result = run(tuple(arguments.lengths), arguments.repeats)
    print(tables.lengths(result))
    if arguments.write:
        write_json(result, OUT)
        update()


if __name__ == "__main__":
    main()
