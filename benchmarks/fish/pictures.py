"""Pictures of Fish on state spaces: the curves of growth, and spectrograms with their codes.

    python -m benchmarks.fish.pictures [--voice FOLDER --clip PREPARED ID] -o docs/voices/fish

``growth.png`` is drawn from ``benchmarks/results/fish_growth.json``. With a voice and a clip, ``codes.png`` has the
recording, the codec's copy and free speech, and the codes of each below.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.curves import log_panels
from benchmarks.fish.growth import OUT
from ssmphony.arrays import Integers
from ssmphony.audio.mel import log_mel
from ssmphony.config import load_json
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepared import read_samples
from ssmphony.evaluation.material import speak_tokens, tokens_of
from ssmphony.evaluation.pictures import FORMAT, save
from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.types import Samples, SsmphonyError, Style
from ssmphony.voices.package import load

LINES = {"step": "-", "whole": ":"}
COLOURS = {"mamba2": "tab:blue", "mamba": "tab:green", "attention": "tab:red", "exported voice": "black"}
PANELS = {"ms": ("a step, ms", 1.0), "total_s": ("all steps, s", 1.0), "bytes": ("state, MB", 1e-6)}
"""Of each figure of a row, the title and the factor to its unit."""


def growth_figure(result: dict[str, Any]) -> Figure:
    """Three panels over the number of frames; dotted lines read the whole sequence for every frame."""
    figure, axes = log_panels([title for title, _ in PANELS.values()], "frames before it", width=11)
    for axis, (key, (_, unit)) in zip(axes, PANELS.items(), strict=True):
        for system, colour in COLOURS.items():
            for way, style in LINES.items():
                rows = [row for row in result["rows"] if row["system"] == system and row["way"] == way]
                if not rows or (key == "bytes" and way == "whole"):
                    continue
                label = system if way == "step" else f"{system}, everything again"
                places = [row["frames"] for row in rows]
                axis.plot(places, [unit * row[key] for row in rows], style, color=colour, marker=".", label=label)
    axes[1].legend(fontsize=7, frameon=False)
    figure.tight_layout(pad=0.5)
    return figure


def codes_figure(sounds: dict[str, tuple[Samples, Integers]], rate: float) -> Figure:
    """Log-mel of each sound above its codes (frame, codebook), on one axis of time; ``rate`` in frames a second."""
    figure = Figure(figsize=(11, 2.6 * len(sounds)))
    axes = figure.subplots(2 * len(sounds), 1, sharex=True, gridspec_kw={"height_ratios": [3, 1] * len(sounds)})
    for (upper, lower), (name, (samples, codes)) in zip(axes.reshape(-1, 2), sounds.items(), strict=True):
        mel = log_mel(samples)
        extent = (0, len(mel) / FORMAT.frame_rate, 0, mel.shape[1])
        upper.imshow(mel.T, origin="lower", aspect="auto", extent=extent, vmin=-8, vmax=2, cmap="magma")
        upper.set_title(name, fontsize=8, loc="left")
        extent = (0, len(codes) / rate, 0, codes.shape[1])
        lower.imshow(codes.T, origin="lower", aspect="auto", extent=extent, cmap="twilight", interpolation="nearest")
        lower.set_ylabel("codes", fontsize=7)
        for axis in (upper, lower):
            axis.tick_params(labelsize=7)
            axis.set_yticks([])
    axes[-1].set_xlabel("s", fontsize=8)
    figure.tight_layout(pad=0.4)
    return figure


def sounds_of(folder: Path, corpus: Path, name: str) -> tuple[dict[str, tuple[Samples, Integers]], float]:
    """A recording, its copy and free speech of its phones, each with its codes."""
    voice = load(folder, threads=1)
    clip = next((clip for clip in read_manifest(corpus) if clip.id == name), None)
    if clip is None or voice.encoder is None:
        raise SsmphonyError(f"{corpus} has no clip '{name}', or the voice no encoder")
    encode, rate = voice.encoder.encode, voice.sample_rate
    recording = read_samples(corpus / clip.audio, rate)
    style = Style(speaker=clip.speaker if clip.speaker in voice.card.speakers else None)
    free = speak_tokens(voice, tokens_of(clip, voice.frontend.symbols), style).samples
    copy = copy_synthesis(voice.encoder, voice.codec, recording)
    sounds = {"recording": recording, "copy by the codec": copy, "free speech": free}
    made = {label: (samples, np.asarray(encode(samples[None]))[0]) for label, samples in sounds.items()}
    return made, voice.codec.grid.frame_rate


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--voice", type=Path)
    options.add_argument("--clip", nargs=2, metavar=("PREPARED", "ID"))
    options.add_argument("-o", "--output", type=Path, required=True)
    arguments = options.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    if OUT.exists():
        save(growth_figure(load_json(OUT)), arguments.output / "growth.png", dpi=60)
    if arguments.voice and arguments.clip:
        sounds, rate = sounds_of(arguments.voice, Path(arguments.clip[0]), arguments.clip[1])
        save(codes_figure(sounds, rate), arguments.output / "codes.png", dpi=60)


if __name__ == "__main__":
    main()
