"""``ssmphony voices`` and ``ssmphony text``: what there is, and how a text is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ssmphony.cli.source import open_text


def voices(name: Annotated[str | None, typer.Argument(help="Show the whole card of this voice.")] = None) -> None:
    """List the installed voices, or show the card of one."""
    from ssmphony.types import SsmphonyError
    from ssmphony.voices.package import installed, locate, read_manifest, voice_folders

    if name is not None:
        card = read_manifest(locate(name)).card
        for label, value in (
            ("name", card.name),
            ("language", card.language),
            ("speakers", ", ".join(card.speakers)),
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


def text(
    text: Annotated[str | None, typer.Argument(help="The text; without it, --file or standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the text from a UTF-8 file.")] = None,
    frontend: Annotated[str, typer.Option(help="The kind of frontend.")] = "hindi",
) -> None:
    """Show how a text is read: its sentences, its words and their phonemes."""
    source = open_text(text, file)

    from ssmphony.config import choose
    from ssmphony.text import FRONTENDS
    from ssmphony.types import SsmphonyError

    spoken = False
    for sentence in choose(FRONTENDS, frontend, "frontend")().build().sentences(source):
        spoken = True
        typer.echo(sentence.text.strip())
        for word in sentence.words:
            typer.echo(f"  {word.text}\t{' '.join(sentence.symbols[word.first : word.stop])}")
        typer.echo(f"  {' '.join(sentence.symbols)}")
    if not spoken:
        raise SsmphonyError("nothing to speak: the text holds no letter and no digit")
