"""Small sounds and pictures of copies and of generated sounds, for the page of the autoencoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.autoencoders.codecs import RATE, Run, copies, generated
from benchmarks.machine import ROOT
from benchmarks.players import section
from ssmphony.types import Samples

OUTPUT = ROOT / "docs" / "systems" / "s4d_autoencoder"
LENGTH_S = 3.0


def write(runs: Sequence[Run], data: Mapping[str, list[Samples]], output: Path = OUTPUT) -> list[dict[str, Any]]:
    """The first recording of each kind with the copies of it, and a sound of each prior: sections of the page."""
    output.mkdir(parents=True, exist_ok=True)
    sections: list[dict[str, Any]] = []
    for name, sounds in data.items():
        original = sounds[0][: round(LENGTH_S * RATE)]
        made = {"recording": original, **{run.name: copies(run, [original])[0] for run in runs}}
        sections.append(section(f"copies of {name}", made, RATE, output))
    made = {
        run.name: np.concatenate(generated(prior, 2, LENGTH_S / 2)) for run in runs if (prior := run.prior) is not None
    }
    if made:
        sections.append(section("samples of the prior", made, RATE, output))
    return sections
