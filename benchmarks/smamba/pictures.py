"""The curves of `benchmarks.smamba.lengths`: time and memory of the mixers against the length of a sentence.

python -m benchmarks.smamba.pictures -o docs/voices/smamba
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.machine import RESULTS
from ssmphony.config import load_json
from ssmphony.evaluation.pictures import save

LABELS = {"base": "Mamba-2", "attention": "attention", "s4": "S4"}
PANELS = (("seconds", "processor-seconds of a sentence"), ("megabytes", "memory, MB"))


def lengths_figure(result: dict[str, Any]) -> Figure:
    """Two panels over the number of phones."""
    figure = Figure(figsize=(9, 3.4))
    axes = figure.subplots(1, len(PANELS), squeeze=False)[0]
    for axis, (key, title) in zip(axes, PANELS, strict=True):
        for twin, label in LABELS.items():
            rows = [row for row in result["rows"] if row["twin"] == twin]
            axis.plot([row["phones"] for row in rows], [row[key] for row in rows], marker=".", label=label)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlabel("phones", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(linewidth=0.3)
    axes[0].legend(fontsize=7, frameon=False)
    figure.tight_layout(pad=0.5)
    return figure


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-o", "--output", type=Path, required=True)
    arguments = options.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    save(lengths_figure(load_json(RESULTS / "smamba_lengths.json")), arguments.output / "lengths.png", dpi=60)


if __name__ == "__main__":
    main()
