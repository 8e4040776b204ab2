"""The recordings that a voice should sound like: their speaker and features, and other speakers for comparison."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.files import read_audio
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.intervals import Interval, of_mean
from ssmphony.evaluation.speaker import SpeakerEncoder, similarity

Floats = npt.NDArray[np.float32]

MOST = 150
OTHERS = 30
"""Clips of each corpus of other speakers."""


class References(NamedTuple):
    """``features`` of each recording (window, 256); ``embeddings`` (clip, 256); ``others``: corpus → embeddings."""

    features: list[Floats]
    embeddings: Floats
    others: dict[str, Floats]

    @property
    def speaker(self) -> Floats:
        """The mean embedding, of length 1."""
        mean = self.embeddings.mean(axis=0)
        return mean / np.linalg.norm(mean)

    def floors(self) -> dict[str, Interval | None]:
        """Similarity to the speaker: of the speaker's own recordings, and of other speakers'."""
        sets = {"the speaker's other recordings": self.embeddings, **self.others}
        return {name: of_mean([similarity(one, self.speaker) for one in rows]) for name, rows in sets.items()}


def kept_references(
    corpus: Path, measured: Sequence[Clip], others: Sequence[Path], encoder: SpeakerEncoder, folder: Path
) -> References:
    """`references`, kept in ``folder`` so that a run that goes on need not hear them again."""
    asked = [str(path.resolve()) for path in (corpus, *others)] + sorted(clip.id for clip in measured)
    digest = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]
    path = folder / f"references-{digest}.npz"
    if path.is_file():
        with np.load(path) as kept:
            strangers = {name[6:]: kept[name] for name in kept.files if name.startswith("other-")}
            features = np.split(kept["features"], kept["ends"][:-1])
            return References(features, kept["embeddings"], strangers)
    made = references(corpus, measured, others, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{path.stem}.part.npz"
    arrays: dict[str, Any] = {f"other-{name}": rows for name, rows in made.others.items()}
    ends = np.cumsum([len(part) for part in made.features])
    np.savez(partial, features=np.concatenate(made.features), ends=ends, embeddings=made.embeddings, **arrays)
    os.replace(partial, path)
    return made


def references(corpus: Path, measured: Sequence[Clip], others: Sequence[Path], encoder: SpeakerEncoder) -> References:
    """From the clips of the corpus that are not measured, `MOST` at most; where none is left, from all of them."""
    taken = {clip.id for clip in measured}
    clips = [clip for clip in read_manifest(corpus) if clip.symbols]
    rest = [clip for clip in clips if clip.id not in taken] or clips
    heard = [encoder.hear(*read_audio(corpus / clip.audio)) for clip in spread(rest, MOST)]
    strangers = {
        folder.name: np.stack([encoder.hear(*read_audio(folder / clip.audio))[1] for clip in chosen])
        for folder in others
        if (chosen := spread(read_manifest(folder), OTHERS))
    }
    return References([features for features, _ in heard], np.stack([one for _, one in heard]), strangers)


def spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """At most ``count`` of them, evenly from first to last."""
    if len(clips) <= count:
        return list(clips)
    return [clips[k] for k in np.linspace(0, len(clips) - 1, count).round().astype(int)]
