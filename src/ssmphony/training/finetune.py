"""`ssmphony finetune`: a finished voice learns another speaker from minutes of recordings.

The voice gets a row for the new speaker, which begins as that of the speaker of nearest pitch; then all of it is
trained at a low learning rate. The folder of work holds a training like any other: ``finetune.yaml``, the weights that
it starts from, and the run.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from ssmphony.config import choose, parse
from ssmphony.data.manifest import Clip, claim, read_manifest
from ssmphony.data.prepared import read_pitch
from ssmphony.export.source import voice_block
from ssmphony.export.speakers import take_rows
from ssmphony.export.voice import CardConfig, export
from ssmphony.export.weights import WEIGHTS, Part, read_weights, write_weights
from ssmphony.models.parallel import ParallelModel
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import VoiceConfig
from ssmphony.training.run import train
from ssmphony.training.tasks import TASKS
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import VoiceManifest
from ssmphony.voices.manifest import read_manifest as read_voice

STEPS = 2_000
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "s4_spectrum": {
        "learns": ["sound", "prosody"],
        "batch_size": 8,
        "adversarial": {
            "periods": [],
            "windows": [],
            "pictures": {},
            "samples": 18_000,
            "start_step": 60,
            "mel_weight": 20,
            "feature_weight": 2,
        },
        "optimiser": {"lr": 2e-4, "betas": [0.8, 0.99], "warmup": 50},
    },
    "s4_acoustic": {"batch_size": 8, "optimiser": {"lr": 2e-4, "betas": [0.9, 0.98], "warmup": 50}},
}
"""Of the task, by the kind of the voice's model, which is also the task's."""
TIMED = frozenset({"s4_spectrum"})
"""Kinds that learn from the times of all phones."""
HELD_OUT = 10
"""One clip of this many is not trained on."""
MOST_HELD_OUT = 24
"""Validation takes time, too."""
SPEAKER_PITCH = "speaker_pitch"
"""The weight of a model that holds the log2 of each speaker's pitch in Hz."""


class Base(NamedTuple):
    """A voice that can learn another speaker: its folder, its voice block, and what its manifest says."""

    folder: Path
    block: dict[str, Any]
    manifest: VoiceManifest

    @property
    def kind(self) -> str:
        """Of the model and of the task."""
        return str(self.block["model"]["kind"])

    @property
    def config(self) -> VoiceConfig:
        return parse(VoiceConfig, self.block, f"{self.folder}: voice")


def read_base(folder: Path) -> Base:
    """Raises `SsmphonyError` for a voice without weights, and for one of another kind."""
    manifest = read_voice(folder)
    base = Base(folder, voice_block(folder, folder), manifest)
    if base.kind not in SETTINGS:
        raise SsmphonyError(
            f"{folder}: a voice of kind {base.kind} cannot be fine-tuned, only {' and '.join(SETTINGS)}: write a "
            "training file, see docs/start.md"
        )
    if not (folder / WEIGHTS).is_file():
        raise SsmphonyError(f"{folder} has no {WEIGHTS}, which a training starts from: take a voice that you exported")
    return base


def finetune(
    base: Base,
    corpus: Path,
    work: Path,
    out: Path,
    *,
    speaker: str | None = None,
    like: str | None = None,
    steps: int = STEPS,
    minutes: float | None = None,
    overrides: Sequence[str] = (),
) -> Path:
    """Train ``base`` on a prepared corpus, and export the new voice ``out``, which speaks as ``speaker`` by default.

    Args:
        work: The folder of the training. One that was stopped is resumed.
        speaker: Whose clips are taken; None where the corpus has one speaker.
        like: The speaker of the voice from which the new one starts; None is the one of nearest pitch, or of a model
            that knows no pitch of speakers the first.
        minutes: The training ends after this many, counted over all its parts, or after ``steps``.
        overrides: Further settings of the training file, ``task.batch_size=4``.

    Raises:
        SsmphonyError: The corpus does not fit, the folder belongs to another training, or ``out`` exists.
    """
    if out.exists():
        raise SsmphonyError(f"{out} exists: remove it, or choose another folder")
    name, clips = _clips(base, corpus, speaker)
    pitch = _log2_pitch(corpus, clips)
    row = _nearest(base, pitch) if like is None else _index(base, like)
    stamp = {"voice": _digest(base.folder / WEIGHTS), "corpus": str(corpus.resolve()), "speaker": name, "like": row}
    claim(work / "finetune.json", stamp, "holds another training: choose another --work, or remove it")
    block = _with_speaker(base, name)
    write_initial(base, block, row, pitch, work / "initial.safetensors")
    settings = _training_file(base.kind, block, corpus, work, clips, steps, minutes)
    run = train(settings, tuple(overrides), str(work / "initial.safetensors"))
    codec = run if base.kind == "s4_spectrum" else base.folder
    card = base.manifest.model_dump(include=set(CardConfig.model_fields)) | {"name": out.name}
    return export(voice_block(run, run), run, codec, parse(CardConfig, card), out)


def _clips(base: Base, corpus: Path, speaker: str | None) -> tuple[str, list[Clip]]:
    """The speaker, and the clips with text that they speak."""
    clips = [clip for clip in read_manifest(corpus) if clip.symbols is not None]
    names = sorted({clip.speaker for clip in clips})
    if not names:
        raise SsmphonyError(f"{corpus}: no clip has a text: prepare it from recordings with their texts")
    if speaker is None and len(names) > 1:
        raise SsmphonyError(f"{corpus} has several speakers, {', '.join(names)}: choose one with --speaker")
    name = speaker or names[0]
    if name not in names:
        raise SsmphonyError(f"{corpus}: no clip is spoken by '{name}', its speakers are {', '.join(names)}")
    if name in base.manifest.speakers:
        raise SsmphonyError(f"{base.folder} has a speaker '{name}' already: give the new one another name (--speaker)")
    own = [clip for clip in clips if clip.speaker == name]
    if len(own) < 2:
        raise SsmphonyError(f"{corpus}: '{name}' speaks one clip; give at least two, better ten minutes")
    if base.kind in TIMED and not all(_is_timed(clip) for clip in own):
        raise SsmphonyError(
            f"{corpus} has no times of phones, which a voice of kind {base.kind} learns from: prepare it with --align, "
            "or give the recordings themselves"
        )
    return name, own


def _is_timed(clip: Clip) -> bool:
    return [anchor[:2] for anchor in clip.anchors] == [(i, i + 1) for i in range(len(clip.symbols or ()))]


def _log2_pitch(corpus: Path, clips: Sequence[Clip]) -> float:
    """Mean log2 of the pitch in Hz."""
    tracks = [read_pitch(corpus, clip.id) for clip in clips]
    voiced = np.concatenate([track[track > 0] for track in tracks])
    if not len(voiced):
        raise SsmphonyError(f"{corpus}: no clip has a voiced sound: a pitch cannot be learned from it")
    return float(np.log2(voiced).mean())


def _nearest(base: Base, log2_pitch: float) -> int:
    """The speaker of nearest pitch; the first of a model that knows none."""
    known = read_weights(base.folder, "model").get(SPEAKER_PITCH)
    return 0 if known is None else int((known - log2_pitch).abs().argmin())


def _index(base: Base, speaker: str) -> int:
    names = base.manifest.speakers
    return names.index(choose(dict(zip(names, names, strict=True)), speaker, "speaker"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _with_speaker(base: Base, name: str) -> dict[str, Any]:
    """The voice block with the new speaker first: the voice's own."""
    return {**base.block, "model": {**base.block["model"], "speakers": [name, *base.manifest.speakers]}}


def write_initial(base: Base, block: Mapping[str, Any], row: int, log2_pitch: float, path: Path) -> None:
    """Write the weights of ``base`` for the voice block that has one more speaker, the first, copied from ``row``."""
    config = parse(VoiceConfig, block, f"{base.folder}: voice")
    model: ParallelModel = config.model_settings(len(config.frontend_symbols())).build()
    codec = config.codec_settings().build()
    weights = read_weights(base.folder, "model")
    trained = len(base.manifest.speakers)
    weights = take_rows(weights, model.speaker_tables, [row, *range(trained)])
    if SPEAKER_PITCH in weights:
        weights[SPEAKER_PITCH][0] = log2_pitch
    load_exactly(model, weights, base.folder, "voice.model")
    parts: dict[Part, nn.Module] = {"model": model}
    if isinstance(codec, nn.Module):
        load_exactly(codec, read_weights(base.folder, "codec"), base.folder, "voice.codec")
        parts["codec"] = codec
    partial = path.with_name(f".{path.name}")
    write_weights(partial, parts)
    os.replace(partial, path)


def _training_file(
    kind: str,
    block: Mapping[str, Any],
    corpus: Path,
    work: Path,
    clips: Sequence[Clip],
    steps: int,
    minutes: float | None,
) -> Path:
    """Write the training file and its lists of clips."""
    import yaml

    held_out = {clip.id for clip in clips[::HELD_OUT][:MOST_HELD_OUT]}
    trained, validated = work / "trained.txt", work / "held-out.txt"
    for path, taken in ((trained, False), (validated, True)):
        names = [clip.id for clip in clips if (clip.id in held_out) == taken]
        path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    settings = SETTINGS[kind]
    data = {
        "voice": dict(block),
        "task": {
            "kind": kind,
            **settings,
            "corpora": [{"path": str(corpus), "only": str(trained)}],
            "validation": [{"path": str(corpus), "only": str(validated)}],
            "optimiser": {**settings["optimiser"], "max_steps": steps},
        },
        "run": {"out": str(work / "run"), "minutes": minutes},
    }
    parse(TASKS[kind], data["task"], "task")
    path = work / "finetune.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
