"""The tables of the annotated S4."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import table

Row = dict[str, Any]


def growth(result: Row) -> str:
    header = ["N", "L", "powers of Ā, processor-ms", "Cauchy sums, processor-ms", "ratio", "difference"]
    rows = [
        [
            str(row["N"]),
            f"{row['L']:,}",
            f"{1e3 * row['stepping']:.2f}",
            f"{1e3 * row['cauchy']:.2f}",
            f"{row['stepping'] / row['cauchy']:.1f}",
            f"{row['error']:.0e}",
        ]
        for row in result["rows"]
    ]
    found, machine = result["growth"], result["machine"]
    powers = "; ".join(
        f"{label}: L^{found[name]['L']:.2f}, N^{found[name]['N']:.2f}"
        for name, label in (("stepping", "powers of Ā"), ("cauchy", "Cauchy sums"))
    )
    return (
        f"{table(header, rows)}\n\nFitted growth of the time: {powers}. Processor time, medians of 15 in turns, "
        f"JAX {machine['jax']}, {machine['cores']} cores, load before {machine['load_before']:.1f}, {machine['date']}."
    )


def classifier(result: Row) -> str:
    return (
        f"Accuracy on {result['test_clips']} test clips: **{100 * result['accuracy']:.1f} %** (on the "
        f"{result['training_clips']:,} training clips {100 * result['training_accuracy']:.1f} %; guessing gives 10 %). "
        f"{result['parameters']:,} parameters, {result['steps']} steps of {result['batch']} clips, "
        f"{result['minutes']:.1f} minutes on a shared core, {result['date']}."
    )


def generator(result: Row) -> str:
    return (
        f"Test clips take **{result['bits']:.2f} bits per sample**; with only the frequencies of the "
        f"{result['levels']} levels, {result['unigram_bits']:.2f}. "
        f"{result['parameters']:,} parameters, {result['steps']} steps of {result['batch']} clips, "
        f"{result['minutes']:.1f} minutes on a shared core. Generation step by step takes "
        f"{result['sampling_s_per_s']:.1f} s per second of audio, including compilation. {result['date']}."
    )
