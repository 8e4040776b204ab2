"""The recordings that a voice should sound like: their speaker and features, and other speakers for comparison."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.arrays import Floats
from ssmphony.audio.files import read_audio
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.frechet.features import available
from ssmphony.evaluation.models.speaker import similarity
from ssmphony.evaluation.statistics import Interval, of_mean

MOST = 150
OTHERS = 30
"""Clips of each corpus of other speakers."""


class References(NamedTuple):
    """``features``: name of a feature set → (window, channel) of each recording; ``embeddings`` (clip, 256) of the
    speaker encoder and ``others``: corpus → embeddings, both empty without that model."""

    features: dict[str, list[Floats]]
    embeddings: Floats
    others: dict[str, Floats]

    @property
    def speaker(self) -> Floats | None:
        """The mean embedding, of length 1; None without a speaker encoder."""
        if not len(self.embeddings):
            return None
        mean = self.embeddings.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def floors(self) -> dict[str, Interval | None]:
        """Similarity to the speaker: of the speaker's own recordings, and of other speakers'."""
        speaker = self.speaker
        if speaker is None:
            return {}
        sets = {"the speaker's other recordings": self.embeddings, **self.others}
        return {name: of_mean([similarity(one, speaker) for one in rows]) for name, rows in sets.items()}


def kept_references(
    corpus: Path, measured: Sequence[Clip], others: Sequence[Path], models: Mapping[str, Any], folder: Path
) -> References:
    """`references`, cached in ``folder`` so that a run that goes on need not compute them again."""
    asked = [str(path.resolve()) for path in (corpus, *others)] + sorted(clip.id for clip in measured)
    digest = hashlib.sha256("\n".join([*asked, *available(models)]).encode()).hexdigest()[:12]
    path = folder / f"references-{digest}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return _unpacked(kept)
    made = references(corpus, measured, others, models)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{path.stem}.part.npz"
    arrays: dict[str, Any] = {f"other-{name}": rows for name, rows in made.others.items()}
    for name, clips in made.features.items():
        arrays[f"features-{name}"] = np.concatenate(clips)
        arrays[f"ends-{name}"] = np.cumsum([len(clip) for clip in clips])
    np.savez(partial, embeddings=made.embeddings, **arrays)
    os.replace(partial, path)
    return made


def _unpacked(kept: Mapping[str, npt.NDArray[Any]]) -> References:
    def named(prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {name[len(prefix) :]: kept[name] for name in kept if name.startswith(prefix)}

    ends = named("ends-")
    features = {name: np.split(rows, ends[name][:-1]) for name, rows in named("features-").items()}
    return References(features, kept["embeddings"], named("other-"))


def references(corpus: Path, measured: Sequence[Clip], others: Sequence[Path], models: Mapping[str, Any]) -> References:
    """From the clips of the corpus that are not measured, `MOST` at most; where none is left, from all of them."""
    taken = {clip.id for clip in measured}
    clips = [clip for clip in read_manifest(corpus) if clip.symbols]
    rest = [clip for clip in clips if clip.id not in taken] or clips
    recordings = [read_audio(corpus / clip.audio) for clip in spread(rest, MOST)]
    features = {
        name: [kind.extract(samples, rate, models) for samples, rate in recordings]
        for name, kind in available(models).items()
    }
    encoder = models.get("speaker")
    if encoder is None:
        return References(features, np.zeros((0, 0), np.float32), {})
    strangers = {
        folder.name: np.stack([encoder.encode(*read_audio(folder / clip.audio))[1] for clip in chosen])
        for folder in others
        if (chosen := spread(read_manifest(folder), OTHERS))
    }
    return References(features, np.stack([encoder.encode(*recording)[1] for recording in recordings]), strangers)


def spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """At most ``count`` of them, evenly from first to last."""
    if len(clips) <= count:
        return list(clips)
    return [clips[k] for k in np.linspace(0, len(clips) - 1, count).round().astype(int)]
