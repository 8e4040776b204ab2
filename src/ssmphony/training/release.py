"""The voice block of a new voice: that of its acoustic model's training, with the codec of its vocoder's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssmphony.config import load_json
from ssmphony.types import SsmphonyError


def voice_block(model: Path, codec: Path) -> dict[str, Any]:
    """The blocks that two sets of weights were trained with.

    model: the run of an acoustic model, a checkpoint in it, or a voice package. codec: a vocoder's, or weights
    without a block, which then must fit the model's. Raises `SsmphonyError` where there is no block, or where it is a
    vocoder's.
    """
    found = _settings(model)
    if found is None:
        raise SsmphonyError(f"{model}: neither a training run with config.json nor a voice with voice.json")
    if found.get("task", {}).get("kind") == "vocoder":
        raise SsmphonyError(f"{model} is the run of a vocoder: give the acoustic model's, and this one as --codec")
    own = _settings(codec)
    return {**found["voice"], "codec": (own or found)["voice"]["codec"]}


def _settings(source: Path) -> dict[str, Any] | None:
    folder = source if source.is_dir() else source.parent
    for name in ("config.json", "voice.json"):
        if (folder / name).is_file() and isinstance((settings := load_json(folder / name)).get("voice"), dict):
            frontend = settings["voice"].get("frontend", {})
            if name == "voice.json" and frontend.get("lexicon"):  # a file beside it
                frontend["lexicon"] = str(folder / frontend["lexicon"])
            return settings
    return None
