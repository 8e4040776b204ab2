"""Sections of a page with players and spectrograms, in files small enough for the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssmphony.audio.files import AudioWriter
from ssmphony.audio.resample import resample
from ssmphony.evaluation.pictures import FORMAT, Panel, draw
from ssmphony.types import Samples

SOUND_BYTES, PICTURE_BYTES = 40_000, 90_000


def section(title: str, sounds: Mapping[str, Samples], rate: int, output: Path) -> dict[str, Any]:
    """Write the sounds and one picture of all; title, files by name, and the picture."""
    files: dict[str, str] = {}
    for name, sound in sounds.items():
        path = output / f"{_file_name(title)}-{_file_name(name)}.opus"
        with AudioWriter(path, rate) as writer:
            writer.write(np.clip(sound, -1.0, 1.0).astype(np.float32))
        files[name] = f"{output.name}/{path.name}"
        _bounded(path, SOUND_BYTES)
    picture = output / f"{_file_name(title)}.png"
    panels = [Panel(name, resample(sound, rate, FORMAT.sample_rate)) for name, sound in sounds.items()]
    draw(panels, picture, width=7.0, height=min(1.6, 6.5 / len(panels)))
    _bounded(picture, PICTURE_BYTES)
    return {"title": title, "files": files, "picture": f"{output.name}/{picture.name}"}


def players(sections: Sequence[Mapping[str, Any]]) -> str:
    """Markdown of `section`s: a player for each sound, and the spectrograms."""
    parts: list[str] = []
    for one in sections:
        lines = [f"**{one['title']}**", ""]
        for name, file in one["files"].items():
            player = f'<audio controls preload="none" style="vertical-align: middle" src="{file}" title="{name}">'
            lines.append(f"{player}</audio> {name}<br>")
        lines += ["", f"![Spectrograms: {one['title']}]({one['picture']})"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _file_name(title: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in title).split()).lower()


def _bounded(path: Path, most: int) -> None:
    if path.stat().st_size > most:
        raise ValueError(f"{path} has {path.stat().st_size} bytes: at most {most} are for the repository")
