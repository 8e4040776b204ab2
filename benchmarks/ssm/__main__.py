"""The state-space operations compared with others: time, peak memory, error, growth, roofline; and a decode step.

    python -m benchmarks.ssm [--only scan,ssd,delta,s4d,s4,step] [--quick] [--rounds 7] [--write]

Two threads, warm, medians; the forms take turns in one process on the same inputs, after their outputs were compared
with float64. Memory is the growth of the process at its peak during one call. Each section is stored in
``benchmarks/results/ssm.json`` as soon as it is measured, with the machine's own ceilings of that moment, so that the
sections can be measured one by one; ``--write`` fills the documentation from it. Peers: ``pip install mambapy
transformers``. All of it takes about a quarter of an hour on two cores with nothing else to do.

On a machine with other work, set OMP_WAIT_POLICY=PASSIVE: threads that spin while they wait for one that has no
processor cost more than the work.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import torch

from benchmarks.machine import RESULTS, THREADS, machine, write_json
from benchmarks.ssm import step, tables
from benchmarks.ssm.operations import SECTIONS, Row, cases, compare, states
from benchmarks.ssm.peers import have
from benchmarks.ssm.timing import ceilings
from benchmarks.update_docs import update
from ssmphony.ssm.scan import cpu

RESULT = RESULTS / "ssm.json"


def measure(section: str, rounds: int, quick: bool) -> Row:
    about = {**machine(), "waiting": os.environ.get("OMP_WAIT_POLICY", "default").lower()}
    result: Row = {"machine": about, "ceilings": ceilings()}
    if section == "step":
        return {**result, "steps": step.measure(rounds, quick)}
    times: list[Row] = []
    planned = [case for operation in SECTIONS[section] for case in cases(operation, quick)]
    compare(planned[0], rounds)  # the first calls of a process pay for memory that all later ones have
    for case in planned:
        times.append(compare(case, rounds, times))
        note(json.dumps(times[-1]))
    grown = [] if quick else [row for name in SECTIONS[section] if "layer" not in name for row in states(name, rounds)]
    return {**result, "times": times, "states": grown}


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas; the others stay as they are")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two lengths, one row; stores nothing")
    parser.add_argument("--write", action="store_true", help="fill the pages")
    parser.add_argument("--output", type=Path, help="results/ssm.json, and with --quick none, if not given")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"--only knows {', '.join(SECTIONS)}, not {', '.join(sorted(unknown))}")
    torch.set_num_threads(THREADS)
    cpu.ready()
    for package in ("mambapy", "transformers", "onnxruntime", "onnxscript"):
        if not have(package):
            note(f"{package} is left out: pip install {package}")
    output = arguments.output or (None if arguments.quick else RESULT)
    result: Row = json.loads(output.read_text(encoding="utf-8")) if output and output.exists() else {}
    for section in chosen:
        result[section] = measure(
            section, min(arguments.rounds, 3) if arguments.quick else arguments.rounds, arguments.quick
        )
        result = {name: result[name] for name in SECTIONS if name in result}
        if output:
            write_json(result, output)
    print(tables.sections({name: result[name] for name in chosen if name in result}))
    if arguments.write:
        update()


if __name__ == "__main__":
    main()
