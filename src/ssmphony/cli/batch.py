"""``ssmphony batch``."""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.cli.engines import Engine, EngineName, engine_of
from ssmphony.cli.options import LexiconFile, Pitch, Seed, Speaker, Speed, Voice, Watermarked, Workers
from ssmphony.cli.progress import SpeechBar, speech_bar

if TYPE_CHECKING:
    from ssmphony.batch.jobs import Job
    from ssmphony.batch.run import Outcome, Plan

_LISTED = 10  # failures shown on the terminal; failures.jsonl has all


class InputFormat(str, Enum):
    """See `ssmphony.batch.formats`."""

    CSV = "csv"
    JSONL = "jsonl"
    LJSPEECH = "ljspeech"
    TEXT = "text"


def batch(
    jobs: Annotated[Path, typer.Argument(help="A .csv, .tsv, .jsonl or .txt file, or a folder with metadata.csv.")],
    out: Annotated[Path, typer.Option("-o", "--output", help="The folder for the audio files and manifest.jsonl.")],
    input_format: Annotated[
        InputFormat | None, typer.Option(help="The format of the job file, if its name does not show it.")
    ] = None,
    audio: Annotated[str, typer.Option("--format", help="wav, flac, ogg, opus, mp3, m4a, aac or pcm.")] = "wav",
    voice: Voice = None,
    speaker: Speaker = None,
    speed: Speed = 1.0,
    pitch: Pitch = 0.0,
    seed: Seed = 0,
    lexicon: LexiconFile = None,
    watermark: Watermarked = False,
    workers: Workers = None,
    engine: Engine = EngineName.LOCAL,
) -> None:
    """Speak many texts to files. Run it again to continue where it was stopped.

    Values in a line of the job file take precedence over these options.
    """
    from ssmphony.batch.jobs import Defaults, read_jobs
    from ssmphony.batch.run import run_batch
    from ssmphony.types import Style

    defaults = Defaults(audio, voice, Style(speed=speed, pitch_semitones=pitch, seed=seed, speaker=speaker))
    wanted = read_jobs(jobs, defaults, input_format and input_format.value)
    begin = time.perf_counter()
    try:
        with speech_bar() as bar:
            files = _Files(bar)
            outcome = run_batch(
                wanted,
                out,
                lexicon=lexicon,
                watermark=watermark,
                workers=workers,
                engine=engine_of(engine),
                begin=files.begin,
                progress=files.advance,
            )
    except (KeyboardInterrupt, SystemExit):
        typer.echo(f"every file in {out} is complete; run the same command again to continue", err=True)
        raise
    _report(outcome, out, time.perf_counter() - begin)


def _report(outcome: Outcome, out: Path, wall_s: float) -> None:
    if outcome.changed:
        typer.echo(f"{outcome.changed} jobs changed since the last run and were done again")
    if outcome.left_over:
        shown = ", ".join(outcome.left_over[:3]) + (", …" if len(outcome.left_over) > 3 else "")
        typer.echo(f"{len(outcome.left_over)} files in {out} belong to no job any more: {shown}")
    if not outcome.made and not outcome.failed:
        typer.echo(f"nothing to do: all {outcome.kept} files are in {out}")
        return
    earlier = f", {outcome.kept} were already there" if outcome.kept else ""
    audio = f"{outcome.seconds / 60:.1f} minutes of audio, {outcome.seconds / wall_s:.1f} times as fast as speech"
    typer.echo(f"{outcome.made} new files in {out}{earlier}: {audio}")
    for job, error in outcome.failed[:_LISTED]:
        typer.echo(f"  line {job.line}, {job.id}: {error}", err=True)
    if outcome.failed:
        total = outcome.made + outcome.kept + len(outcome.failed)
        typer.echo(f"ssmphony: {len(outcome.failed)} of {total} jobs failed: see {out / 'failures.jsonl'}", err=True)
        raise typer.Exit(1)


class _Files:
    """How many files of a batch there are, on the bar of what is spoken."""

    def __init__(self, bar: SpeechBar) -> None:
        self._bar = bar
        self._done = self._jobs = 0

    def begin(self, plan: Plan) -> None:
        self._jobs, self._done = len(plan.todo) + len(plan.done), len(plan.done)
        self._bar.begin(sum(len(job.text) for job in plan.todo))

    def advance(self, job: Job, seconds: float) -> None:
        self._done += 1
        self._bar.advance(len(job.text), seconds, f"{self._done}/{self._jobs} files")
