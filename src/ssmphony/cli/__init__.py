"""The command line. Nothing heavy loads before a command needs it: ``--help`` answers at once."""

from __future__ import annotations

from typing import Annotated

import typer

from ssmphony import __version__
from ssmphony.cli.arguments import TextCommand
from ssmphony.cli.batch import batch
from ssmphony.cli.book import book
from ssmphony.cli.codec import decode, encode
from ssmphony.cli.detect import detect
from ssmphony.cli.errors import OneLineErrors
from ssmphony.cli.evaluate import evaluate
from ssmphony.cli.finetune import finetune
from ssmphony.cli.generate import generate
from ssmphony.cli.read import text
from ssmphony.cli.say import say
from ssmphony.cli.serve import serve
from ssmphony.cli.speechd import speechd
from ssmphony.cli.voices import voices
from ssmphony.cli.work import distill, export, mels, prepare, train

__all__ = ["app"]

app = typer.Typer(
    cls=OneLineErrors,
    help="Hindi text-to-speech on state-space models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
speaking = (say, batch, book, serve, detect, text)
making = (prepare, train, finetune, distill, export, encode, decode, generate)
for command in (*speaking, *making):
    app.command(cls=TextCommand if command in (say, text) else None)(command)
app.command(hidden=True)(mels)
app.add_typer(voices, name="voices")
app.add_typer(evaluate, name="evaluate")
app.add_typer(speechd, name="speechd")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ssmphony {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Hindi text-to-speech on state-space models."""
