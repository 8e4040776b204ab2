"""``ssmphony speechd``: the output module of Speech Dispatcher, and the files that make it start the module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_RUN = "run"


class _RunByDefault(TyperGroup):
    """``speechd``, alone or with a file, is ``speechd run``: Speech Dispatcher passes nothing but a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or os.sep in args[0] or Path(args[0]).is_file():
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


speechd = typer.Typer(cls=_RunByDefault, help="Speak for screen readers, as an output module of Speech Dispatcher.")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]


@speechd.command(_RUN)
def run(
    config: Annotated[Path | None, typer.Argument(help="The configuration file of the module.")] = None,
) -> None:
    """Speak the protocol of output modules on standard input and output. Speech Dispatcher runs this."""
    from ssmphony.speechd import run

    run(config)


@speechd.command()
def install(
    voice: Annotated[str | None, typer.Option(help="A voice, or VOICE/SPEAKER.")] = None,
    hindi: Annotated[
        bool,
        typer.Option(
            "--hindi", help="Make it the default for Hindi, with punctuation in Hindi words; edits your speechd.conf."
        ),
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Register the module with Speech Dispatcher, for this user."""
    from ssmphony.speechd.install import Places, apply
    from ssmphony.speechd.install import install as changes

    places = Places.of_user()
    apply(places, changes(places, voice=voice, hindi=hindi), typer.echo, dry_run=dry_run)
    if not dry_run:
        typer.echo('Restart Speech Dispatcher (log out, or end it), then try: spd-say -o ssmphony -l hi "नमस्ते"')


@speechd.command()
def uninstall(dry_run: DryRun = False) -> None:
    """Remove what install wrote."""
    from ssmphony.speechd.install import Places, apply
    from ssmphony.speechd.install import uninstall as changes

    places = Places.of_user()
    found = changes(places)
    apply(places, found, typer.echo, dry_run=dry_run)
    if not found:
        typer.echo("nothing to remove: the module is not installed for this user")
