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
import copy
import ctypes
import functools
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import update_docs
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.ssm import peers as ssm_peers
from benchmarks.ssm import step as ssm_step
from benchmarks.ssm import tables as ssm_tables
from ssmphony.evaluation.speed import peak_memory_mb
from ssmphony.ssm.scan import cpu, reference
from ssmphony.ssm.scan import delta as delta_rule

RESULT = RESULTS / "ssm.json"
THREADS = 2
#: A form whose turns of one case took this long together gets no more of them.
BUDGET_S = 1.5
#: A call that would take longer, by what the shorter lengths took, is left out.
PATIENCE_S = 12.0
#: Of the largest value: above it two forms do not compute the same thing.
DIFFERENCE = 1e-3
DIFFERENCE_INT8 = 3e-2
LENGTHS = (512, 2048, 16_384, 131_072)
SECTIONS: dict[str, tuple[str, ...]] = {
    "scan": ("selective scan",),
    "ssd": ("SSD",),
    "delta": ("gated delta rule", "complex selective scan"),
    "s4d": ("S4D kernel", "S4D layer"),
    "s4": ("S4 kernel", "S4 layer"),
    "step": (),
}
STATES = (16, 32, 64, 128, 256)
"""Numbers of states for the growth in N, at `STATES_LENGTH` steps."""
STATES_LENGTH = 2048
STEPS = 200
Row = dict[str, Any]


class Case(NamedTuple):
    operation: str
    batch: int
    length: int
    backward: bool


def cases(operation: str, quick: bool) -> list[Case]:
    batches = (1,) if quick or operation.endswith("kernel") else (1, 8)
    lengths = LENGTHS[:2] if quick or operation in SECTIONS["delta"] else LENGTHS
    return [Case(operation, batch, length, back) for batch in batches for back in (False, True) for length in lengths]


def bytes_of(case: Case, form: str) -> float:
    """What a form needs at its peak, roughly: those that hold every state of every step need tens of bytes each."""
    states = {"selective scan": 16, "SSD": 2 * 64}.get(case.operation, 32)
    elements = case.batch * case.length * 256
    if form == "ssmphony":
        return elements * (60 if case.backward else 20)
    each = {"SSD": 2, "transformers": 16, "Cauchy": 70, "complex Vandermonde": 20}
    return elements * states * each.get(case.operation, each.get(form, 24)) * (2.5 if case.backward else 1.0)


def left_out(case: Case, form: str, earlier: list[Row]) -> str:
    """Why a form is not run; empty where it is."""
    needed, there = bytes_of(case, form) / 1e9, available_gb()
    if needed > 0.7 * there:
        return f"needs about {needed:.0f} GB, {there:.0f} GB are there"
    shorter = [row for row in earlier if _like(row, case) and row["length"] < case.length and form in row["ms"]]
    if any(_like(row, case) and form in row["left_out"] for row in earlier if row["length"] < case.length):
        return "left out at a shorter length"
    if not shorter and form == "transformers" and case.backward and case.operation == "selective scan":
        return "" if case.batch * case.length <= 512 else "takes minutes: its backward is quadratic in the length"
    if shorter:
        last = shorter[-1]
        power = 2.0 if form == "transformers" and case.backward and case.operation == "selective scan" else 1.0
        seconds = last["ms"][form] / 1e3 * (case.length / last["length"]) ** power
        if seconds > PATIENCE_S:
            return f"would take about {seconds:.0f} s"
    return ""


def _like(row: Row, case: Case) -> bool:
    return (row["operation"], row["batch"], row["backward"]) == (case.operation, case.batch, case.backward)


def available_gb() -> float:
    status = Path("/proc/meminfo")
    if not status.exists():
        return 8.0
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("MemAvail")) / 1e6


def prepare(case: Case, form: str, arguments: list[Any]) -> Callable[[], Tensor]:
    """A call that gives the output, and with backward takes the gradients of all inputs and parameters too."""
    leaves: list[Tensor] = []
    for value in arguments:
        found = list(value.parameters()) if isinstance(value, nn.Module) else [value]
        leaves += [leaf.requires_grad_(case.backward) for leaf in found if isinstance(leaf, Tensor)]
    call = ssm_peers.forms(case.operation)[form](*arguments)

    def run() -> Tensor:
        if not case.backward:
            with torch.no_grad():
                return call()
        y = call()
        torch.autograd.grad(y, leaves, torch.ones_like(y), allow_unused=True)
        return y.detach()

    return run


CHANNELS = 16
"""Of a scan are compared with float64, in the first row: channels do not meet."""


def exact(case: Case, arguments: list[Any]) -> Tensor:
    """The output in float64, of a scan for the first channels of the first row (SSD: for the first head)."""
    with torch.no_grad():
        if case.operation.endswith("kernel"):
            return copy.deepcopy(arguments[0]).double().kernel(case.length)
        if case.operation.endswith("layer"):
            return _exact_layer(*arguments)
        if case.operation == "gated delta rule":
            q, k, v, log_decay, beta = (value.detach()[:1].double() for value in arguments)
            state = v.new_zeros(1, *v.shape[2:], k.shape[-1])
            return delta_rule.gated_delta_rule(q, k, v, log_decay, beta, state)[0]
        u, delta, A, B, C, D = (
            value.detach().to(torch.complex128 if value.is_complex() else torch.float64) for value in arguments
        )
        if case.operation == "SSD":
            state = u.new_zeros(1, 1, u.shape[3], B.shape[-1])
            return reference.ssd(u[:1, :, :1], delta[:1, :, :1], A[:1], B[:1], C[:1], D[:1], state)[0]
        u, delta = u[:1, :, :CHANNELS], delta[:1, :, :CHANNELS]
        state = A.new_zeros(1, CHANNELS, A.shape[-1])
        return reference.selective_scan(u, delta, A[:CHANNELS], B[:1], C[:1], D[:CHANNELS], state)[0]


def _exact_layer(kernel: Any, x: Tensor) -> Tensor:
    kernel, x = copy.deepcopy(kernel).double(), x[:1].double()
    length = x.shape[1]
    spectrum = torch.fft.rfft(kernel.kernel(length), n=2 * length) * torch.fft.rfft(x.mT, n=2 * length)
    return torch.fft.irfft(spectrum, n=2 * length)[..., :length].mT


def compare(case: Case, rounds: int, earlier: list[Row] | None = None) -> Row:
    """One case: medians in ms, MB at the peak, the largest errors over the largest value. No time without the right
    output."""
    arguments = ssm_peers.arguments(case.operation, case.batch, case.length)
    names = list(ssm_peers.forms(case.operation))
    reasons = {name: reason for name in names if (reason := left_out(case, name, earlier or []))}
    calls = {name: prepare(case, name, arguments) for name in names if name not in reasons}
    errors, memory = dict[str, float](), dict[str, float]()
    expected = exact(case, arguments) if calls else torch.empty(0)
    for name, call in calls.items():
        prepare(small := Case(case.operation, 1, 64, case.backward), name, ssm_peers.arguments(*small[:3]))()
        y, memory[name] = peak_mb(call)
        y = y[tuple(slice(size) for size in expected.shape)].double()
        errors[name] = float((y - expected).abs().max() / expected.abs().max())
        del y
        if not errors[name] <= DIFFERENCE:
            raise AssertionError(f"{case}: the output of {name} is {errors[name]:.1e} away from float64")
    seconds = take_turns(calls, rounds)
    medians = {name: median(taken) * 1e3 for name, taken in seconds.items()}
    count = {name: len(taken) for name, taken in seconds.items()}
    return {**case._asdict(), "ms": medians, "mb": memory, "error": errors, "rounds": count, "left_out": reasons}


def take_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call of each form."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            if sum(seconds[name]) < BUDGET_S:
                begin = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def peak_mb(call: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What a call returns, and by how many MB the process grew meanwhile at most; NaN where Linux does not say."""
    peak = Path("/proc/self/clear_refs")
    if not peak.exists():
        return call(), float("nan")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept would hide what is taken
    before = resident_mb()
    peak.write_text("5")  # the peak counts from here
    y = call()
    return y, peak_memory_mb() - before


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def states(operation: str, rounds: int) -> list[Row]:
    """Ours by the number of states: the growth in N."""
    rows: list[Row] = []
    case = Case(operation, 1, STATES_LENGTH, False)
    for n in STATES:
        call = prepare(case, "ssmphony", ssm_peers.arguments(operation, 1, STATES_LENGTH, n))
        call()
        rows.append({"operation": operation, "n": n, "ms": median(take_turns({"": call}, rounds)[""]) * 1e3})
    return rows


def ceilings() -> Row:
    """What this machine does at most now: bytes per second through memory and cache, operations per second."""
    large, small = torch.zeros(1 << 26), torch.zeros(1 << 22)
    target, square = torch.empty_like(large), torch.randn(1024, 1024)
    taken = {"copy": best(lambda: target.copy_(large)), "cache": best(lambda: small.sum(), 50)}
    taken["product"] = best(lambda: square @ square)
    return {
        "memory_gb_s": 2 * large.nbytes / taken["copy"] / 1e9,
        "cache_gb_s": small.nbytes / taken["cache"] / 1e9,
        "gflop_s": 2 * 1024**3 / taken["product"] / 1e9,
    }


def best(call: Callable[[], object], rounds: int = 10) -> float:
    call()
    return min(take_turns({"": call}, rounds)[""])


def measure_step(rounds: int, quick: bool) -> list[Row]:
    """Medians of single steps, batch by batch; the outputs of the first steps are compared with the stack's."""
    stack = ssm_step.make_stack()
    rows: list[Row] = []
    for batch in (1,) if quick else (1, 8):
        forms = ssm_step.steppers(stack, batch, THREADS)
        errors = dict.fromkeys(forms, 0.0)
        with torch.no_grad():
            for _ in range(5):
                x = torch.randn(batch, 1, ssm_step.D_MODEL)
                outputs = {name: step(x) for name, step in forms.items()}
                for name, y in outputs.items():
                    error = float((y - outputs["Stack"]).abs().max() / outputs["Stack"].abs().max())
                    errors[name] = max(errors[name], error)
                    if not error <= (DIFFERENCE_INT8 if "int8" in name else DIFFERENCE):
                        raise AssertionError(f"a step of {name} is {error:.1e} away from the stack's")
            seconds = step_turns({name: functools.partial(step, x) for name, step in forms.items()}, rounds)
        rows.append(
            {
                "batch": batch,
                "ms": {name: median(taken) * 1e3 for name, taken in seconds.items()},
                "ms_least": {name: min(taken) * 1e3 for name, taken in seconds.items()},
                "error": errors,
                "rounds": {name: len(taken) for name, taken in seconds.items()},
                "bytes": ssm_step.step_bytes(stack, batch),
                "operations": ssm_step.step_operations(stack, batch),
            }
        )
        note(json.dumps(rows[-1]))
    return rows


def step_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Turns of many steps each: a form decodes with its own weights in the cache, as it does in use."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin, spent = len(seconds[name]), time.perf_counter()
            call()
            while len(seconds[name]) - begin < STEPS // rounds and time.perf_counter() - spent < BUDGET_S:
                started = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - started)
    return seconds


def measure(section: str, rounds: int, quick: bool) -> Row:
    about = {**machine(), "waiting": os.environ.get("OMP_WAIT_POLICY", "default").lower()}
    result: Row = {"machine": about, "ceilings": ceilings()}
    if section == "step":
        return {**result, "steps": measure_step(rounds, quick)}
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
    parser.add_argument("--write", action="store_true", help="fill the tables of the documentation")
    parser.add_argument("--output", type=Path, help="results/ssm.json, and with --quick none, if not given")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"--only knows {', '.join(SECTIONS)}, not {', '.join(sorted(unknown))}")
    torch.set_num_threads(THREADS)
    cpu.ready()
    for package in ("mambapy", "transformers", "onnxruntime", "onnxscript"):
        if not ssm_peers.have(package):
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
    print(ssm_tables.sections({name: result[name] for name in chosen if name in result}))
    if arguments.write:
        update_docs.update()
