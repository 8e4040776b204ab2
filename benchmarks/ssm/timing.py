"""What a call takes: time in turns with others, memory at its peak, and what the machine does at most."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ssmphony.evaluation.speed import peak_memory_mb

BUDGET_S = 1.5
"""A form whose turns of one case took this long together gets no more of them."""


def take_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
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


def ceilings() -> dict[str, float]:
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
