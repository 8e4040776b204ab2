"""The card of a package that is no voice: what it is, where it comes from, how to use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssmphony.export.voice import CardConfig

CARD = "README.md"


def write_card(folder: Path, card: CardConfig, facts: str, commands: Sequence[str]) -> None:
    """Write ``README.md``. ``facts`` is a line on size and format; ``commands`` are those to try first."""
    named = (("licence", card.licence), ("from", card.attribution))
    lines = [f"* {facts}", *(f"* {title}: {value}" for title, value in named if value)]
    text = "\n".join([f"# {card.name}", "", card.description, "", *lines, "", "```sh", *commands, "```", ""])
    (folder / CARD).write_text(text, encoding="utf-8")
