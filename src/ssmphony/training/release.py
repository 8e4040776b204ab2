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
    kinds = [part["voice"]["codec"].get("kind") for part in (found, own or found)]
    if kinds[0] != kinds[1] and trains_codec(model):
        raise SsmphonyError(f"{model} has a codec of its own, for its latents: leave --codec out")
    return {**found["voice"], "codec": (own or found)["voice"]["codec"]}


def trains_codec(model: Path) -> bool:
    """Whether a run or voice holds the codec of its frames, which no other voice's codec can decode."""
    found = _settings(model)
    return found is not None and found["voice"]["codec"].get("kind") == "jepa_latent"


def _settings(source: Path) -> dict[str, Any] | None:
    folder = source if source.is_dir() else source.parent
    for name in ("config.json", "voice.json"):
        if (folder / name).is_file() and isinstance((settings := load_json(folder / name)).get("voice"), dict):
            frontend = settings["voice"].get("frontend", {})
            if name == "voice.json" and frontend.get("lexicon"):  # a file beside it
                frontend["lexicon"] = str(folder / frontend["lexicon"])
            return settings
    return None
