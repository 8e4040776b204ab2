"""The operations on their own: which cases there are, and what one of them takes in each form."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.ssm import peers
from benchmarks.ssm.timing import peak_mb, take_turns
from ssmphony.ssm.scan import delta as delta_rule
from ssmphony.ssm.scan import reference

PATIENCE_S = 12.0
"""A call that would take longer, by what the shorter lengths took, is left out."""
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
CHANNELS = 16
"""Of a scan are compared with float64, in the first row: channels do not meet."""
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
    call = peers.forms(case.operation)[form](*arguments)

    def run() -> Tensor:
        if not case.backward:
            with torch.no_grad():
                return call()
        y = call()
        torch.autograd.grad(y, leaves, torch.ones_like(y), allow_unused=True)
        return y.detach()

    return run


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
    arguments = peers.arguments(case.operation, case.batch, case.length)
    names = list(peers.forms(case.operation))
    reasons = {name: reason for name in names if (reason := left_out(case, name, earlier or []))}
    calls = {name: prepare(case, name, arguments) for name in names if name not in reasons}
    errors, memory = dict[str, float](), dict[str, float]()
    expected = exact(case, arguments) if calls else torch.empty(0)
    for name, call in calls.items():
        prepare(small := Case(case.operation, 1, 64, case.backward), name, peers.arguments(*small[:3]))()
        y, memory[name] = peak_mb(call)
        y = y[tuple(slice(size) for size in expected.shape)].double()
        errors[name] = float((y - expected).abs().max() / expected.abs().max())
        del y
        if not errors[name] <= peers.DIFFERENCE:
            raise AssertionError(f"{case}: the output of {name} is {errors[name]:.1e} away from float64")
    seconds = take_turns(calls, rounds)
    medians = {name: median(taken) * 1e3 for name, taken in seconds.items()}
    count = {name: len(taken) for name, taken in seconds.items()}
    return {**case._asdict(), "ms": medians, "mb": memory, "error": errors, "rounds": count, "left_out": reasons}


def states(operation: str, rounds: int) -> list[Row]:
    """Ours by the number of states: the growth in N."""
    rows: list[Row] = []
    case = Case(operation, 1, STATES_LENGTH, False)
    for n in STATES:
        call = prepare(case, "ssmphony", peers.arguments(operation, 1, STATES_LENGTH, n))
        call()
        rows.append({"operation": operation, "n": n, "ms": median(take_turns({"": call}, rounds)[""]) * 1e3})
    return rows
