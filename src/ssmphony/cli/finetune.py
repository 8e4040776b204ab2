"""``ssmphony finetune``: one's own voice from recordings. It needs the extra ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.completion import voice_names
from ssmphony.cli.progress import count_bar
from ssmphony.cli.work import Settings
from ssmphony.extras import needs_extra

if TYPE_CHECKING:
    from ssmphony.training.finetune import Base


def finetune(
    voice: Annotated[
        str,
        typer.Argument(help="The voice to start from: the folder of an exported voice.", autocompletion=voice_names),
    ],
    data: Annotated[Path, typer.Option(help="Recordings with their texts, or a prepared corpus.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="The folder for the new voice.")],
    speaker: Annotated[
        str | None, typer.Option(help="The name of the new speaker; with a prepared corpus, the speaker to use.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(help="The speaker of the voice from which the new one starts; default: the nearest in pitch."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps; default: 2000.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="End the training after this many minutes, if its steps take longer.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="The folder for prepared clips and the training; default: runs/NAME.")
    ] = None,
    settings: Settings = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that prepare recordings; default: one for each core.")
    ] = None,
) -> None:
    """Add a speaker to a voice, from 10 to 30 minutes of recordings. Run it again to continue where it was stopped.

    --set changes the training file that is written, for example --set task.batch_size=4.
    """
    with needs_extra("train"):
        from ssmphony.data.manifest import MANIFEST
        from ssmphony.training.finetune import STEPS, read_base
        from ssmphony.training.finetune import finetune as run
        from ssmphony.training.initial import origin

    from ssmphony.types import SsmphonyError

    if out.exists():
        raise SsmphonyError(f"{out} exists: remove it, or choose another folder")
    base = read_base(origin(voice))
    folder = work or Path("runs") / out.name
    corpus = data if (data / MANIFEST).is_file() else _prepared(base, data, folder / "prepared", speaker, workers)
    run(
        base,
        corpus,
        folder,
        out,
        speaker=speaker,
        like=like,
        steps=steps or STEPS,
        minutes=minutes,
        overrides=tuple(settings or ()),
    )
    typer.echo(f"{out}: try it with: ssmphony say --voice {out.resolve()} -o hello.wav TEXT")


def _prepared(base: Base, recordings: Path, out: Path, speaker: str | None, workers: int | None) -> Path:
    """The folder of a corpus, prepared for the frontend and the codec of the voice."""
    from ssmphony.data.corpora.registry import READERS, detect
    from ssmphony.data.finish import Limits
    from ssmphony.data.prepare import prepare, reader_from
    from ssmphony.evaluation.models.recogniser import PhoneTimes
    from ssmphony.training.finetune import TIMED

    corpus = {**detect(recordings), "frontend": base.block["frontend"]}
    if speaker is not None and "speaker" in READERS[corpus["kind"]].model_fields:
        corpus["speaker"] = speaker
    reader = reader_from(corpus, str(recordings))
    typer.echo(f"{recordings}: {corpus['kind']}" + (f", {layout}" if (layout := reader.layout()) else ""), err=True)
    timed = base.kind in TIMED
    limits = Limits(sample_rate=base.config.codec_settings().build().grid.sample_rate, phone_times=timed)
    with count_bar() as progress:
        done = prepare(
            reader,
            out,
            limits=limits,
            phone_times=PhoneTimes() if timed else None,
            workers=workers,
            progress=progress,
        )
    typer.echo(f"{done.clips} clips, {done.seconds / 60:.1f} minutes in {out}; {done.rejected} left out", err=True)
    return out
