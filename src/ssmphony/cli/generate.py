"""``ssmphony generate``: sounds from a model that generates samples without text. Needs the extra ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssmphony.cli.options import Seed, Temperature
from ssmphony.cli.progress import count_bar
from ssmphony.extras import needs_extra


def generate(
    voice: Annotated[Path, typer.Option(help="The folder of the voice, or of its training run.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the sounds.")] = Path("sounds"),
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=4096, help="How many sounds.")] = 16,
    seed: Seed = 0,
    name: Annotated[str | None, typer.Option("--class", help="One of the voice's classes; default: any.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=600.0, help="Seconds of the longest sound.")] = 1.0,
    to_the_end: Annotated[bool, typer.Option("--to-the-end", help="Continue after a sound has ended.")] = False,
    temperature: Temperature = None,
    guidance: Annotated[
        float | None,
        typer.Option(min=1.0, max=10.0, help="How closely a class is followed; 1: as in training."),
    ] = None,
) -> None:
    """Generate sounds with a voice such as SaShiMi. Sound i of a seed is the first sound of seed + i."""
    with needs_extra("train"):
        from ssmphony.export.samples import load_samples
        from ssmphony.models.generate import generate as write
        from ssmphony.models.samples import numbered

    from ssmphony.audio.files import AudioWriter
    from ssmphony.types import SsmphonyError, Style

    model = load_samples(voice)
    model.guidance = model.guidance if guidance is None else guidance
    rate = model.config.sample_rate
    styles = numbered(Style(seed=seed, speaker=name, temperature=temperature), count)
    model.label(name)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SsmphonyError(f"{output}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    with count_bar() as progress:
        made = write(model, styles, seconds, to_the_end=to_the_end, progress=progress)
    for style, sound in zip(styles, made.sounds, strict=True):
        with AudioWriter(output / f"{name or 'sound'}-{style.seed}.wav", rate) as writer:
            writer.write(sound)
    length = sum(map(len, made.sounds)) / rate
    typer.echo(
        f"{count} sounds in {output}, {length:.1f} s: {made.real_time_factor(rate):.2f} s of computing per second"
    )
