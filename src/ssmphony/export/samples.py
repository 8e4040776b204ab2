"""Trained models that write samples, as folders: ``voice.json``, ``weights.safetensors`` and a card.

They have no graph: a step at a time is fastest in the compiled code of `ssmphony.nn.decode`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssmphony.config import choose, load_json, parse
from ssmphony.export.card import write_card
from ssmphony.export.source import task_of
from ssmphony.export.voice import CardConfig, new_folder
from ssmphony.export.weights import WEIGHTS, in_half_precision, read_weights, write_weights
from ssmphony.models.sample_models import SAMPLE_MODELS
from ssmphony.models.samples import SampleModel
from ssmphony.models.sashimi import Sashimi
from ssmphony.nn.weights import load_exactly
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import MANIFEST, SAMPLES

_SHOWN = ("name", "language", "description", "licence", "attribution")
"""What the folder says of the voice."""


def is_sample_run(run: Path) -> bool:
    """Whether a folder is a training of such a model, or a checkpoint in it."""
    return task_of(run).get("kind") == SAMPLES


def load_samples(path: Path) -> SampleModel:
    """The model of a folder that `export_samples` wrote, of a training run, or of a checkpoint in one, for generating.

    Single steps of SaShiMi are compiled where that is possible. Raises `SsmphonyError` for what is none of these.
    """
    folder = path if path.is_dir() else path.parent
    settings = _settings(folder)
    if settings is None:
        raise SsmphonyError(f"{path}: no model that writes samples: give a voice of `ssmphony export`, or its training")
    kind = choose(SAMPLE_MODELS, str(settings.get("kind")), "model")
    model = parse(kind, settings, f"{folder}: model").build()
    load_exactly(model, read_weights(path, "model"), path, "the model")
    model.eval().requires_grad_(False)
    if isinstance(model, Sashimi):
        model.compile_steps(threads=1)  # two save a fifth at best, and on busy cores wait for each other
    return model


def export_samples(run: Path, card: CardConfig, out: Path) -> Path:
    """Write the model of a training run, or of a checkpoint in it, as ``out``, which appears whole or not at all."""
    folder = run if run.is_dir() else run.parent
    settings = _settings(folder)
    if settings is None:
        raise SsmphonyError(f"{run}: not a training of a model that writes samples")
    model = parse(choose(SAMPLE_MODELS, str(settings.get("kind")), "model"), settings, "model").build()
    load_exactly(model, in_half_precision(read_weights(run, "model")), run, "the model")
    with new_folder(out) as new:
        write_weights(new / WEIGHTS, {"model": model})
        manifest = {
            "kind": SAMPLES,
            **card.model_dump(include=set(_SHOWN)),
            "model": model.config.model_dump(mode="json"),
        }
        (new / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        write_card(new, card, _facts(model), [f"ssmphony generate --voice ./{out.name} -n 16 --seed 1 -o sounds"])
    return out


def _facts(model: SampleModel) -> str:
    count = sum(parameter.numel() for parameter in model.parameters())
    classes = ", ".join(model.config.classes) or "none"
    return f"{count / 1e6:.2f} million parameters, {model.config.sample_rate} Hz; classes: {classes}"


def _settings(folder: Path) -> dict[str, Any] | None:
    """The model's settings in a training run or an exported folder."""
    if (folder / "config.json").is_file():
        task = task_of(folder)
        return task.get("model") if task.get("kind") == SAMPLES else None
    if (folder / MANIFEST).is_file():
        found = load_json(folder / MANIFEST)
        return found.get("model") if found.get("kind") == SAMPLES else None
    return None
