"""``ssmphony voices``: what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from ssmphony.cli.completion import voice_names


def voices(
    name: Annotated[
        str | None, typer.Argument(help="Show the whole card of this voice.", autocompletion=voice_names)
    ] = None,
) -> None:
    """List the installed voices, or show the card of one."""
    from ssmphony.types import SsmphonyError
    from ssmphony.voices.manifest import read_manifest
    from ssmphony.voices.package import installed, locate, voice_folders

    if name is not None:
        card = read_manifest(locate(name)).card
        for label, value in (
            ("name", card.name),
            ("language", card.language),
            ("speakers", ", ".join(_labelled(name, card.speaker_names) for name in card.speakers)),
            ("licence", card.licence),
            ("attribution", card.attribution),
            ("description", card.description),
        ):
            if value:
                typer.echo(f"{label + ':':13}{value}")
        return
    found = installed()
    if not found:
        raise SsmphonyError(f"no voice is installed in {' or '.join(str(home) for home in voice_folders())}")
    for voice, folder in found.items():
        try:
            card = read_manifest(folder).card
            typer.echo(f"{voice:16} {card.language:4} {card.description or card.name}")
        except SsmphonyError as error:
            typer.echo(f"{voice:16} damaged: {error}", err=True)


def _labelled(speaker: str, names: Mapping[str, str]) -> str:
    return f"{speaker}: {names[speaker]}" if speaker in names else speaker
