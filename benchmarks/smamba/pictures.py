"""The curves of `benchmarks.smamba.lengths`: time and memory of the mixers against the length of a sentence.

python -m benchmarks.smamba.pictures -o docs/voices/smamba
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.fish.pictures import log_panels
from benchmarks.machine import RESULTS
from ssmphony.config import load_json
from ssmphony.evaluation.pictures import save

LABELS = {"base": "Mamba-2", "attention": "attention", "s4": "S4"}
PANELS = {"seconds": "processor-seconds of a sentence", "megabytes": "memory, MB"}


def lengths_figure(result: dict[str, Any]) -> Figure:
    """Two panels over the number of phones."""
    figure, axes = log_panels(list(PANELS.values()), "phones", width=9)
    for axis, key in zip(axes, PANELS, strict=True):
        for twin, label in LABELS.items():
            rows = [row for row in result["rows"] if row["twin"] == twin]
            axis.plot([row["phones"] for row in rows], [row[key] for row in rows], marker=".", label=label)
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
