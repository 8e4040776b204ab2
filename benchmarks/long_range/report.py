"""The table and the curve of `benchmarks.long_range`.

    python -m benchmarks.long_range.report long_range.json long_range.png

Run by itself it draws the curve again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import table as markdown

Row = dict[str, Any]


def best(result: Row) -> dict[tuple[str, int], list[Row]]:
    """(model, distance) → its runs, one a seed, at the learning rate whose mean accuracy is highest."""
    groups: dict[tuple[str, int], dict[float, list[Row]]] = {}
    for run in result["runs"]:
        groups.setdefault((run["model"], run["distance"]), {}).setdefault(run["rate"], []).append(run)
    return {key: max(rates.values(), key=mean_accuracy) for key, rates in groups.items()}


def mean_accuracy(runs: list[Row]) -> float:
    return float(np.mean([run["accuracy"] for run in runs]))


def names_and_distances(result: Row) -> tuple[list[str], list[int]]:
    names = list(dict.fromkeys(run["model"] for run in result["runs"]))
    return names, sorted({run["distance"] for run in result["runs"]})


def table(result: Row) -> str:
    """Markdown: a row per model, a column per distance, the accuracy of each seed in percent."""
    chosen, (names, distances) = best(result), names_and_distances(result)
    rows: list[list[str]] = []
    for name in names:
        cells = [" / ".join(f"{100 * run['accuracy']:.0f}" for run in chosen[name, distance]) for distance in distances]
        rows.append([name, f"{chosen[name, distances[0]][0]['parameters']:,}", *cells])
    rates = ", ".join(f"{rate:g}" for rate in result["rates"])
    header = ["model", "parameters", *(f"{distance} steps of silence" for distance in distances)]
    return (
        f"{markdown(header, rows)}\n\n"
        f"Symbols named correctly, in percent, one figure per seed; chance is {100 * result['chance']:.1f}. "
        f"{result['steps']} steps of {result['batch']} rows, learning rates {rates} (the better one in each cell is "
        f"shown), {result['test_rows']} test rows. {result['minutes']:.0f} minutes in all, {result['threads']} of "
        f"{result['cores']} shared cores, PyTorch {result['torch'].partition('+')[0]}, {result['date']}."
    )


def draw(result: Row, file: Path) -> None:
    """Accuracy against distance, and the loss at the longest distance."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    chosen, (names, distances) = best(result), names_and_distances(result)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    for color, name in enumerate(names):
        line = [100 * mean_accuracy(chosen[name, distance]) for distance in distances]
        left.plot(distances, line, color=f"C{color}", label=name)
        for distance in distances:
            runs = chosen[name, distance]
            left.plot([distance] * len(runs), [100 * run["accuracy"] for run in runs], "o", color=f"C{color}")
        for run in chosen[name, distances[-1]]:
            right.plot(smooth(run["loss"]), color=f"C{color}", linewidth=0.9)
    left.axhline(100 * result["chance"], color="0.5", linestyle="--", linewidth=0.9, label="guessing")
    left.set(xscale="log", xlabel="steps of silence", ylabel="symbols named rightly, %", ylim=(0, 103))
    left.set_xticks(distances, [str(distance) for distance in distances])
    left.minorticks_off()
    left.legend(fontsize=8, loc=(0.52, 0.56))
    right.set(xlabel="training step", ylabel="nats a symbol", title=f"loss at {distances[-1]} steps of silence")
    right.title.set_fontsize(9)
    figure.tight_layout()
    figure.savefig(file, dpi=100, metadata={"Software": None})
    plt.close(figure)


def smooth(values: list[float], window: int = 10) -> Any:
    """Means of ``window`` steps, fewer at the beginning."""
    sums = np.cumsum(values)
    counts = np.minimum(np.arange(1, len(values) + 1), window)
    return (sums - np.concatenate([np.zeros(window), sums])[: len(values)]) / counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    draw(json.loads(arguments.result.read_text(encoding="utf-8")), arguments.picture)


if __name__ == "__main__":
    main()
