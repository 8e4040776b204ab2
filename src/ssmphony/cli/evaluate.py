"""``ssmphony evaluate``: measure a voice, and let people compare voices. Needs the extra ``eval``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ssmphony.cli.options import VoiceArgument, Workers
from ssmphony.cli.progress import count_bar
from ssmphony.extras import needs_extra

_VOICE = "voice"


class _VoiceByDefault(TyperGroup):
    """``evaluate X`` is ``evaluate voice X``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = [_VOICE, *args]
        return super().parse_args(ctx, args)


evaluate = typer.Typer(
    cls=_VoiceByDefault, no_args_is_help=True, help="Measure a voice and write a report, or make a listening test."
)


@evaluate.command(_VOICE)
def voice(
    voice: VoiceArgument,
    out: Annotated[Path, typer.Option("-o", "--output", help="The folder for the report.")],
    corpus: Annotated[Path | None, typer.Option(help="A prepared corpus of recordings to compare with.")] = None,
    ids: Annotated[Path | None, typer.Option(help="A list of its clips, one per line; default: all.")] = None,
    others: Annotated[
        list[Path] | None, typer.Option(help="A prepared corpus of other speakers; may be repeated.")
    ] = None,
    sentences: Annotated[Path | None, typer.Option(help="Held-out sentences, one per line.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many sentences.")] = 1000,
    every: Annotated[int, typer.Option(min=1, help="Take every n-th line, from the first.")] = 1,
    stories: Annotated[list[Path] | None, typer.Option(help="A story (text, Markdown); may be repeated.")] = None,
    against: Annotated[str | None, typer.Option(help="Another voice, or the folder of its report.")] = None,
    recogniser: Annotated[Path | None, typer.Option(help="A .safetensors file; default: the shipped one.")] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also use models that are downloaded: UTMOS, Whisper.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A few clips of each kind, without the slow models.")] = False,
    workers: Workers = None,
) -> None:
    """Measure a voice and write a report. Run it again to continue where it was stopped."""
    with needs_extra("eval"):
        from ssmphony.evaluation.run import Plan
        from ssmphony.evaluation.run import evaluate as run

    plan = Plan(
        voice=_path(voice),
        out=out,
        corpus=corpus,
        ids=ids,
        others=tuple(others or ()),
        sentences=sentences,
        count=count,
        every=every,
        stories=tuple(stories or ()),
        against=against and _path(against),
        recogniser=recogniser,
        online=online,
        quick=quick,
        workers=workers,
    )
    with count_bar() as progress:
        result = run(plan, lambda what, done, total: progress(done, total, what))
    for name, line in result["missing"].items():
        typer.echo(f"without {name}: {line}", err=True)
    typer.echo(f"open {out / 'index.html'}; all figures are in {out / 'report.json'}")


class Kind(str, Enum):
    """See `ssmphony.evaluation.listening.make`."""

    AB = "ab"
    MUSHRA = "mushra"


@evaluate.command("listening-test")
def listening_test(
    systems: Annotated[
        list[str], typer.Argument(help="Voices, or folders of audio files; with --results, the CSV files.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="The folder for the test.")],
    kind: Annotated[
        Kind, typer.Option(help="ab: which of two is better; mushra: ratings against the original.")
    ] = Kind.AB,
    sentences: Annotated[Path | None, typer.Option(help="What is spoken, one sentence per line.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="A prepared corpus: its texts, and the originals.")] = None,
    ids: Annotated[Path | None, typer.Option(help="A list of its clips, one per line; default: all.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many sentences.")] = 20,
    results: Annotated[bool, typer.Option("--results", help="Compute the statistics of the answers.")] = False,
) -> None:
    """Write a folder with a page on which people compare voices, or evaluate their answers."""
    if results:
        with needs_extra("eval"):
            from ssmphony.evaluation.listening.results import conclusion
        for line in conclusion([Path(system) for system in systems], out):
            typer.echo(line)
        return
    with needs_extra("eval"):
        from ssmphony.evaluation.listening.make import items, make_test

    chosen = [_path(system) for system in systems]
    made = make_test(chosen, items(sentences, corpus, ids, chosen, count), out, kind.value)
    typer.echo(f"{made} trials: send {out} to the listeners, without key.json, and let them open index.html")


def _path(voice: str) -> str:
    """A folder needs a separator to be read as a path."""
    return str(Path(voice).resolve()) if Path(voice).is_dir() else voice
