"""The pictures of the annotated S4.

    python -m benchmarks.textbook.pictures

Writes docs/annotated-s4/*.png; those of the models only where their results are in benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.machine import RESULTS, ROOT
from reference.annotated_s4 import hippo, kernel, ssm

PICTURES = ROOT / "docs" / "annotated-s4"


def save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PICTURES / f"{name}.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


def spring() -> None:
    force = ssm.pushes()
    A, B, C = ssm.spring()
    position, _ = ssm.run_rnn(*ssm.bilinear(A, B, 0.01), C, force)
    figure, (above, below) = plt.subplots(2, 1, figsize=(7, 3.4), sharex=True)
    t = np.arange(100) / 100
    above.plot(t, force)
    above.set_ylabel("force u")
    below.plot(t, position)
    below.set(ylabel="position y", xlabel="seconds")
    save(figure, "spring")


def memory(N: int = 65, dt: float = 1e-3) -> None:
    """What N numbers recall of three seconds."""
    t = dt * jnp.arange(4000)
    u, ago = hippo.smooth_noise(0, t), (jnp.arange(3000) + 0.5) * dt
    kinds = {
        "LegS": (hippo.legs, hippo.legs_basis),
        "LegT": (hippo.legt, hippo.legt_basis),
        "FouT": (hippo.fout, hippo.fout_basis),
    }
    figure, axes = plt.subplots(3, 1, figsize=(7, 5.2), sharex=True)
    for axis, (name, (system, basis)) in zip(axes, kinds.items(), strict=True):
        reach = 3000 if name == "LegS" else 1000
        recalled = hippo.recall(hippo.remember(*system(N), u, dt), basis, ago[:reach])
        axis.plot(-ago, u[::-1][:3000], color="0.7", linewidth=3, label="signal")
        axis.plot(-ago[:reach], recalled, linewidth=1, label=f"recalled by {name}, N = {N}")
        axis.set_ylim(-2, 2)
        axis.legend(loc="upper left", fontsize=8)
    axes[-1].set_xlabel("seconds before now")
    save(figure, "memory")


def eigenvalues_and_kernels() -> None:
    """Where the states of LegS live, and the kernels of some of them for two step sizes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    system, _ = kernel.dplr_legs(64)
    left.plot(np.arange(64) - 32, np.sort(system.Lambda.imag), ".", markersize=3)
    left.set(xlabel="state", ylabel="Im λ  (Re λ = -1/2 for all)")
    for dt in (0.01, 0.003):
        C = jnp.zeros(32).at[8].set(1.0)
        right.plot(kernel.kernel_s4d(kernel.half(system).Lambda, C, dt, 600), label=f"Δ = {dt}")
    right.set(xlabel="samples", ylabel="kernel of one pair")
    right.legend(fontsize=8)
    save(figure, "kernels")


def growth(result: dict[str, Any]) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.8))
    for axis, variable in zip(axes, ("L", "N"), strict=True):
        for name, label in (("stepping", "powers of Ā"), ("cauchy", "Cauchy sums")):
            rows = [row for row in result["rows"] if row["varies"] == variable]
            axis.loglog([row[variable] for row in rows], [1e3 * row[name] for row in rows], "o-", label=label)
        sizes = sorted({row[variable] for row in result["rows"] if row["varies"] == variable})
        axis.set(xlabel=variable, ylabel="processor-milliseconds")
        # The sizes alone, and slanted: Matplotlib's own labels between them would overlap.
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45, ha="right", fontsize=7)
        axis.minorticks_off()
        axis.legend(fontsize=8)
    save(figure, "growth")


def classifier(result: dict[str, Any]) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
    left.plot(result["loss"], linewidth=0.7)
    left.set(xlabel="step", ylabel="loss of a batch, nats", yscale="log")
    right.imshow(result["confusion"], cmap="Blues")
    right.set(xlabel="recognised", ylabel="spoken", xticks=range(10), yticks=range(10), title="test clips")
    save(figure, "classifier")


def generator(result: dict[str, Any]) -> None:
    count = len(result["digits"])
    figure, axes = plt.subplots(count + 1, 2, figsize=(7, 1.4 * count + 2), sharex=False)
    for row, digit in enumerate(result["digits"]):
        for column, kind in enumerate(("recorded", "generated")):
            sound = np.asarray(result[kind][row])
            axes[row, column].plot(np.arange(len(sound)) / result["rate"], sound, linewidth=0.4)
            axes[row, column].set(ylim=(-1, 1), title=f"{kind} “{digit}”")
    for axis in axes[-1]:
        axis.remove()
    curve = figure.add_subplot(axes[-1, 0].get_gridspec()[-1, :])
    curve.plot(np.asarray(result["loss"]) / np.log(2), linewidth=0.7)
    curve.axhline(result["unigram_bits"], color="0.5", linestyle="--", label="how often each level occurs")
    curve.set(xlabel="step", ylabel="bits a sample")
    curve.legend(fontsize=8)
    save(figure, "generator")


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    spring()
    memory()
    eigenvalues_and_kernels()
    for name, draw in (("textbook", growth), ("textbook_classifier", classifier), ("textbook_generator", generator)):
        if (file := RESULTS / f"{name}.json").exists():
            draw(json.loads(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
