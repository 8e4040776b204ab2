"""Completion in the shell: of commands and options by Typer, of the names of voices and speakers here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer

_OPTIONS = ("--install-completion", "--show-completion")
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def answer(args: Sequence[str]) -> None:
    """Do what ``--show-completion [SHELL]`` or ``--install-completion [SHELL]`` asks for, and exit.

    Typer's own options take no name of a shell and fail where the shell cannot be detected: in scripts and containers.
    """
    option, equals, shell = args[0].partition("=") if args else ("", "", "")
    if option not in _OPTIONS:
        return
    shell = shell if equals else args[1] if len(args) > 1 else _detected()
    if shell not in _SHELLS:
        typer.echo(f"ssmphony: name your shell, {', '.join(_SHELLS)}: ssmphony {option} bash", err=True)
        raise typer.Exit(1)
    from typer.completion import get_completion_script, install  # pyright: ignore[reportPrivateImportUsage]

    if option == "--show-completion":
        script = get_completion_script(prog_name="ssmphony", complete_var="_SSMPHONY_COMPLETE", shell=shell)
        typer.echo(script)
        raise typer.Exit
    try:
        _, path = install(shell=shell, prog_name="ssmphony", complete_var="_SSMPHONY_COMPLETE")
    except OSError as error:
        typer.echo(f"ssmphony: cannot install completion for {shell}: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"completion for {shell} is in {path}; open a new terminal to use it")
    raise typer.Exit


def _detected() -> str:
    import shellingham

    try:
        return shellingham.detect_shell()[0]
    except (shellingham.ShellDetectionFailure, OSError):
        return Path(os.environ.get("SHELL", "")).name


def voice_names(incomplete: str) -> list[tuple[str, str]]:
    """Installed voices and what they are."""
    from ssmphony.types import SsmphonyError
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import installed

    found: list[tuple[str, str]] = []
    for name, folder in installed().items():
        if name.startswith(incomplete):
            try:
                found.append((name, read_manifest(folder).card.description))
            except SsmphonyError:  # a damaged voice cannot be chosen
                continue
    return found


def speaker_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The speakers of the voice that the options before name, or of the default voice."""
    from ssmphony.types import SsmphonyError
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import locate

    voice: str | None = ctx.params.get("voice")
    try:
        card = read_manifest(locate(voice)).card
    except (SsmphonyError, OSError):
        return []
    return [name for name in card.speakers if name.startswith(incomplete)]
