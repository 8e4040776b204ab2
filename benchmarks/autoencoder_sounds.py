"""Small sounds and pictures of copies and of generated sounds, for the page of the autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.players import section
from ssmphony.codecs.codec import TrainableCodec
from ssmphony.codecs.s4d_autoencoder import S4DAutoencoder
from ssmphony.types import Samples

if TYPE_CHECKING:
    from benchmarks.autoencoders import Run

RATE = 16_000
OUTPUT = ROOT / "docs" / "systems" / "s4d_autoencoder"
LENGTH_S = 3.0


def write(
    runs: Sequence[Run],
    data: Mapping[str, list[Samples]],
    copies: Callable[[TrainableCodec, Sequence[Samples]], list[Samples]],
    generated: Callable[[S4DAutoencoder, int, float], list[Samples]],
    output: Path = OUTPUT,
) -> list[dict[str, Any]]:
    """The first recording of each kind with the copies of it, and a sound of each prior: sections of the page."""
    output.mkdir(parents=True, exist_ok=True)
    sections: list[dict[str, Any]] = []
    for name, sounds in data.items():
        original = sounds[0][: round(LENGTH_S * RATE)]
        made = {"recording": original, **{run.name: copies(run.codec, [original])[0] for run in runs}}
        sections.append(section(f"copies of {name}", made, RATE, output))
    made = {
        run.name: np.concatenate(generated(run.codec, 2, LENGTH_S / 2))
        for run in runs
        if isinstance(run.codec, S4DAutoencoder) and run.codec.config.bottleneck in ("vae", "sigreg")
    }
    if made:
        sections.append(section("samples of the prior", made, RATE, output))
    return sections
