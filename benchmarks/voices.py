"""Voices as the command lines of benchmarks name them."""

from __future__ import annotations

from pathlib import Path

MANIFEST = "voice.json"


def voice_argument(voice: str | None) -> str | None:
    """A folder as an absolute path, since a name without a separator is read as that of a voice."""
    return str(Path(voice).resolve()) if voice and Path(voice).is_dir() else voice


def voices_of(argument: str) -> list[str]:
    """The voices that an argument names: one voice or its folder, or every voice in a folder of voices."""
    folder = Path(argument)
    inside = sorted(manifest.parent for manifest in folder.glob(f"*/{MANIFEST}"))
    if (folder / MANIFEST).exists() or not inside:
        return [str(voice_argument(argument))]
    return [str(path.resolve()) for path in inside]
