"""Pictures of SMamba: the cost of a sentence against its length, and spectrograms of speech after a reference.

    python -m benchmarks.smamba.pictures [--voices FOLDER [FOLDER ...] --clip PREPARED ID REFERENCE]
        -o docs/voices/smamba

``lengths.png`` is drawn from ``benchmarks/results/smamba_lengths.json``. With voices and a clip, ``spoken.png`` has the
recording, and the same sentence by each voice as the speaker of another clip, the reference; their pitch is below.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.curves import log_panels
from benchmarks.smamba.lengths import OUT
from ssmphony.audio.resample import resample
from ssmphony.config import load_json
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepared import read_samples
from ssmphony.evaluation.material import speak_tokens, tokens_of
from ssmphony.evaluation.pictures import FORMAT, Panel, draw, save
from ssmphony.reference import reference_from
from ssmphony.types import SsmphonyError, Style
from ssmphony.voices.package import load

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


def spoken_panels(voices: Sequence[Path], corpus: Path, name: str, reference: str) -> list[Panel]:
    """The clip ``name`` as recorded, and by each voice as the speaker of the clip ``reference``."""
    clips = {clip.id: clip for clip in read_manifest(corpus)}
    if missing := {name, reference} - {*clips}:
        raise SsmphonyError(f"{corpus} has no clip '{missing.pop()}'")
    panels = [Panel("recording", read_samples(corpus / clips[name].audio, FORMAT.sample_rate))]
    for voice in (load(folder, threads=1) for folder in voices):
        heard = read_samples(corpus / clips[reference].audio, voice.sample_rate)
        style = Style(reference=reference_from(heard, voice.encoder, voice.model))
        spoken = speak_tokens(voice, tokens_of(clips[name], voice.frontend.symbols), style)
        panels.append(Panel(voice.card.name, resample(spoken.samples, voice.sample_rate, FORMAT.sample_rate)))
    return panels


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--voices", type=Path, nargs="+")
    options.add_argument("--clip", nargs=3, metavar=("PREPARED", "ID", "REFERENCE"))
    options.add_argument("-o", "--output", type=Path, required=True)
    arguments = options.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if OUT.exists():
        save(lengths_figure(load_json(OUT)), arguments.output / "lengths.png", dpi=60)
    if arguments.voices and arguments.clip:
        folder, name, reference = arguments.clip
        draw(
            spoken_panels(arguments.voices, Path(folder), name, reference),
            arguments.output / "spoken.png",
            pitches=True,
        )


if __name__ == "__main__":
    main()
