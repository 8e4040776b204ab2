"""The state-space operations beside those of others: time, peak memory and error.

    python -m benchmarks.ssm [--rounds 7] [--quick] [--write]

Two threads, warm, medians; the forms take turns in one process on the same inputs, after their outputs were compared.
Memory is the growth of the peak of a process of its own. Writes ``benchmarks/results/ssm.json``; ``--write`` also
fills the tables of the documentation from it. Peers: ``pip install mambapy transformers``.

On a machine with other work, set OMP_WAIT_POLICY=PASSIVE: threads that spin while they wait for one that has no
processor cost more than the work.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks import ssm_peers, ssm_tables, update_docs
from benchmarks.speed import machine
from ssmphony.evaluation.speed import peak_memory_mb
from ssmphony.ssm.scan import cpu, reference

RESULTS = Path(__file__).parent / "results"
THREADS = 2
#: A form whose turns of one case took this long together gets no more of them.
BUDGET_S = 4.0
#: Of the largest value: above it two forms do not compute the same thing.
DIFFERENCE = 1e-3
MEMORY_LENGTH = 16_384
Row = dict[str, Any]


class Case(NamedTuple):
    operation: str
    batch: int
    length: int
    backward: bool


def cases(quick: bool) -> list[Case]:
    lengths = (512, 2048) if quick else (512, 2048, 16_384)
    scans = [(batch, length) for batch in (1, 8) for length in lengths if batch * length <= 16_384 * (1 + batch // 8)]
    found = [
        Case(operation, batch, length, backward)
        for operation in ("selective scan", "SSD")
        for batch, length in scans
        for backward in (False, True)
        if not (quick and batch == 8 and (length > 512 or backward))
    ]
    kernels = ("S4D kernel", "S4 kernel")
    return found + [Case(operation, 1, length, False) for operation in kernels for length in lengths]


def affordable(case: Case, form: str, quick: bool = False) -> bool:
    """Not what takes minutes or tens of gigabytes: transformers' backward is quadratic in the length."""
    if case.operation == "selective scan" and form == "transformers" and case.backward:
        return case.batch * case.length <= 512 and not quick
    large = case.batch * case.length > 16_384
    return not (large and (form != "ssmphony"))


def prepare(case: Case, form: str, arguments: list[Any]) -> Callable[[], Tensor]:
    """A call that gives the output, and with backward takes the gradients of all inputs too."""
    leaves = [value.requires_grad_(case.backward) if isinstance(value, Tensor) else value for value in arguments]
    call = ssm_peers.forms(case.operation)[form](*leaves)

    def run() -> Tensor:
        if not case.backward:
            with torch.no_grad():
                return call()
        y = call()
        torch.autograd.grad(y, leaves, torch.ones_like(y))
        return y.detach()

    return run


def exact(case: Case, arguments: list[Any]) -> Tensor:
    """The output in float64, of a scan for the first row of the batch."""
    with torch.no_grad():
        if case.operation.endswith("kernel"):
            return copy.deepcopy(arguments[0]).double().kernel(case.length)
        u, delta, A, B, C, D = (value.double() for value in arguments)
        if case.operation == "SSD":
            state = u.new_zeros(1, *u.shape[2:], B.shape[-1])
            return reference.ssd(u[:1], delta[:1], A, B[:1], C[:1], D, state)[0]
        return reference.selective_scan(u[:1], delta[:1], A, B[:1], C[:1], D, u.new_zeros(1, *A.shape))[0]


def compare(case: Case, rounds: int, quick: bool = False) -> Row:
    """One case: medians in ms, and the largest errors over the largest value. No time without the right output."""
    arguments = ssm_peers.arguments(case.operation, case.batch, case.length)
    names = [name for name in ssm_peers.forms(case.operation) if affordable(case, name, quick)]
    calls = {name: prepare(case, name, arguments) for name in names}
    expected = exact(case, arguments)
    errors: dict[str, float] = {}
    for name, call in calls.items():
        y = call()[: len(expected)].double()
        errors[name] = float((y - expected).abs().max() / expected.abs().max())
        if not errors[name] <= DIFFERENCE:
            raise AssertionError(f"{case}: the output of {name} is {errors[name]:.1e} away from float64")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, call in calls.items():
            if sum(seconds[name]) < (BUDGET_S / 4.0 if quick else BUDGET_S):
                begin = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - begin)
    medians = {name: median(taken) * 1e3 for name, taken in seconds.items()}
    return {**case._asdict(), "ms": medians, "error": errors, "rounds": {name: len(seconds[name]) for name in names}}


def memory(case: Case, form: str) -> float:
    """MB by which a process that has its inputs grows at its peak."""
    worker = json.dumps([*case, form])
    command = [sys.executable, "-m", "benchmarks.ssm", "--worker", worker]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def work(operation: str, batch: int, length: int, backward: bool, form: str) -> None:
    """What that process does. A short run first, so that libraries and thread stacks are there already."""
    torch.set_num_threads(THREADS)
    prepare(warm := Case(operation, 1, 64, backward), form, ssm_peers.arguments(operation, 1, warm.length))()
    case = Case(operation, batch, length, backward)
    call = prepare(case, form, ssm_peers.arguments(operation, batch, length))
    before = resident_mb()
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    call()
    print(peak_memory_mb() - before)


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def memories(quick: bool) -> list[Row]:
    length = 2048 if quick else MEMORY_LENGTH
    found = [Case(name, 1, length, backward) for name in ("selective scan", "SSD") for backward in (False, True)]
    if not quick:
        found += [Case(name, 1, length, False) for name in ("S4D kernel", "S4 kernel")]
    rows: list[Row] = []
    for case in found:
        names = [name for name in ssm_peers.forms(case.operation) if affordable(case, name)]
        rows.append({**case._asdict(), "mb": {name: memory(case, name) for name in names}})
        note(f"memory: {json.dumps(rows[-1])}")
    return rows


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure(rounds: int, quick: bool) -> Row:
    torch.set_num_threads(THREADS)
    about = {**machine(), "waiting": os.environ.get("OMP_WAIT_POLICY", "default").lower()}
    cpu.ready()
    for package in ("mambapy", "transformers"):
        if not ssm_peers.have(package):
            note(f"{package} is left out: pip install {package}")
    times: list[Row] = []
    for case in cases(quick):
        times.append(compare(case, rounds, quick))
        note(json.dumps(times[-1]))
    return {
        "machine": about,
        "times": times,
        "memory": memories(quick) if Path("/proc/self/clear_refs").exists() else [],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="two lengths and few cases, under two minutes")
    parser.add_argument("--write", action="store_true", help="fill the tables of the documentation")
    parser.add_argument("--output", type=Path, help="results/ssm.json, and with --quick none, if not given")
    parser.add_argument("--worker", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return work(*arguments.worker)
    result = measure(min(arguments.rounds, 3) if arguments.quick else arguments.rounds, arguments.quick)
    output = arguments.output or (None if arguments.quick else RESULTS / "ssm.json")
    if output:
        output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(ssm_tables.operations(result))
    if arguments.write:
        update_docs.update()
    return None


if __name__ == "__main__":
    main()
