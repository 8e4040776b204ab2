"""The voice block of a new voice: that of its model's training, with the codec block of its codec's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssmphony.codecs import CODECS
from ssmphony.config import choose, load_json
from ssmphony.export.weights import read_parts
from ssmphony.types import SsmphonyError
from ssmphony.voices.upgrade import upgrade_block

CODEC_TASKS = ("codec", "vocoder")
"""Kinds of trainings of a codec alone; the second is that of earlier versions."""


def voice_block(model: Path, codec: Path) -> dict[str, Any]:
    """The blocks that two sets of weights were trained with.

    Args:
        model: The run of a model, a checkpoint in it, or a voice package.
        codec: The same of a codec, or weights without a block, which then must fit the model's.

    Raises:
        SsmphonyError: There is no block, or it has no model.
    """
    found = _settings(model)
    if found is None:
        raise SsmphonyError(f"{model}: neither a training run with config.json nor a voice with voice.json")
    if found.get("task", {}).get("kind") in CODEC_TASKS or found["voice"].get("model") is None:
        raise SsmphonyError(f"{model} is the run of a codec: give the model's, and this one as --codec")
    own = _settings(codec)
    if own is not None and _frames(own) != _frames(found):
        raise SsmphonyError(f"{codec} decodes other frames than those of {model}: leave --codec out")
    return {**found["voice"], "codec": (own or found)["voice"]["codec"]}


def default_codec(model: Path) -> Path:
    """The source of the codec where none is given: the run itself. Raises `SsmphonyError` where it has no vocoder."""
    found = _settings(model)
    if found is not None and found["voice"]["codec"].get("kind") == "mel_vocoder" and not _holds_codec(model):
        raise SsmphonyError(
            f"{model} has no vocoder: name one with --codec, the run of a vocoder or a voice of the same mel format "
            "such as voices/recorded of the repository"
        )
    return model


def task_of(run: Path) -> dict[str, Any]:
    """The ``task`` block of a training run, or of the run that a checkpoint is in; empty for anything else."""
    path = (run if run.is_dir() else run.parent) / "config.json"
    return load_json(path).get("task", {}) if path.is_file() else {}


def _holds_codec(source: Path) -> bool:
    try:
        return "codec" in read_parts(source)
    except SsmphonyError:
        return False


def _frames(settings: dict[str, Any]) -> str:
    """The frames that a run's or voice's codec decodes, as its class names them."""
    return choose(CODECS, (settings["voice"].get("codec") or {}).get("kind", ""), "codec").frames


def _settings(source: Path) -> dict[str, Any] | None:
    folder = source if source.is_dir() else source.parent
    for name in ("config.json", "voice.json"):
        if (folder / name).is_file() and isinstance((settings := load_json(folder / name)).get("voice"), dict):
            frontend = settings["voice"].get("frontend", {})
            if name == "voice.json" and frontend.get("lexicon"):  # a file in the same folder
                frontend["lexicon"] = str(folder / frontend["lexicon"])
            return {**settings, "voice": upgrade_block(settings["voice"])}
    return None
