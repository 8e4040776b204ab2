"""How the two kernels of the annotated S4 grow.

    python -m benchmarks.textbook

Stepping with a dense matrix is O(N² L), Cauchy sums are O(N L). Both in JAX, double precision, compiled; the outputs
are compared before they are timed. Writes benchmarks/results/textbook.json, then run `benchmarks.update_docs`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import jax
import numpy as np
from jax import Array

from benchmarks.machine import RESULTS, write_json
from reference.annotated_s4.exact import difference, normal
from reference.annotated_s4.hippo import legs
from reference.annotated_s4.kernel import dense, dplr_legs, kernel_dplr, truncate
from reference.annotated_s4.ssm import bilinear, kernel_by_powers

RESULT = RESULTS / "textbook.json"
STATES, LENGTH = 64, 4096
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)
SIZES = (32, 64, 128, 256, 512)
ROUNDS = 15

Row = dict[str, Any]


def turns(functions: dict[str, Callable[[], Array]]) -> dict[str, float]:
    """Median processor-seconds of each (waiting for a busy machine does not lengthen them).

    They take turns, so that a busy moment of the machine meets them all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.process_time()
            jax.block_until_ready(function())
            seconds[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def measure(N: int, L: int, varies: str) -> Row:
    dt, C = 1 / L, normal(0, N)
    Ab, Bb = bilinear(*legs(N), dt)
    system, V = dplr_legs(N)
    Ct = truncate(bilinear(dense(system), system.B, dt)[0], C @ V, L)
    ways = {"stepping": lambda: kernel_by_powers(Ab, Bb, C, L), "cauchy": lambda: kernel_dplr(system, Ct, dt, L)}
    error = difference(ways["cauchy"](), ways["stepping"]())
    return {"varies": varies, "N": N, "L": L, "error": error, **turns(ways)}


def exponent(rows: Sequence[Row], variable: str, name: str) -> float:
    """The p of time ~ variable^p, by least squares on logarithms."""
    chosen = [row for row in rows if row["varies"] == variable]
    return float(np.polyfit(np.log([row[variable] for row in chosen]), np.log([row[name] for row in chosen]), 1)[0])


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    load = os.getloadavg()[0]
    rows = [measure(STATES, L, "L") for L in LENGTHS] + [measure(N, LENGTH, "N") for N in SIZES]
    growth = {name: {v: exponent(rows, v, name) for v in "LN"} for name in ("stepping", "cauchy")}
    machine = {"date": date.today().isoformat(), "cores": os.cpu_count(), "jax": jax.__version__, "load_before": load}
    write_json({"machine": machine, "rows": rows, "growth": growth}, RESULT)
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
