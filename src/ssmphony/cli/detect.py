"""``ssmphony detect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssmphony.errors import SsmphonyError

if TYPE_CHECKING:
    from ssmphony.types import Samples


def detect(
    files: Annotated[list[Path], typer.Argument(help="Audio files; .m4a, .m4b, .aac and others need PyAV.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one object per line.")] = False,
) -> None:
    """Look for the mark that --watermark leaves. The exit status is 0 if all of the files have it, 1 otherwise.

    The mark shows that ssmphony generated the audio. Its absence proves nothing.
    """
    from ssmphony.audio.watermark import LEAST_S
    from ssmphony.audio.watermark import detect as find

    missing = False
    for file in files:
        samples, rate = _read(file)
        found = find(samples, rate)
        missing |= not found.marked
        if as_json:
            fields = {"file": str(file), "marked": found.marked, **found._asdict()}
            typer.echo(json.dumps(fields, ensure_ascii=False))
            continue
        short = f"; it is shorter than {LEAST_S:g} s" if len(samples) < LEAST_S * rate else ""
        answer = "marked as synthetic" if found.marked else f"no mark found{short}"
        typer.echo(f"{file}: {answer} (score {found.score:.1f}, by chance at most {found.bound:.2g})")
    if missing:
        raise typer.Exit(1)


def _read(file: Path) -> tuple[Samples, int]:
    from ssmphony.audio.files import read_audio
    from ssmphony.data.clips import DECODED_BY_PYAV, Rejected, read_clip

    if file.suffix.lower() not in DECODED_BY_PYAV:
        return read_audio(file)
    try:
        return read_clip(file)
    except Rejected as error:
        raise SsmphonyError(f"cannot read {file}: {str(error).removeprefix('unreadable: ')}") from None
