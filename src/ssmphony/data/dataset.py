"""Prepared clips with text, as padded batches of similar length: batch ``step`` is a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from ssmphony.data.features.feature import Source, frame_count
from ssmphony.data.features.reference import References
from ssmphony.data.features.registry import REFERENCE, Needs
from ssmphony.data.manifest import Clip
from ssmphony.data.prepared import read_array, read_pitch
from ssmphony.data.selection import SelectedCorpus, select
from ssmphony.model_inputs import word_positions
from ssmphony.types import SsmphonyError

_SHOWN = 3  # symbols that an error quotes

Anchor = tuple[int, int, float, float]
"""First token, stop token (half-open), start and end in frames."""


class Corpus(SelectedCorpus):
    """A prepared corpus with text, and which of its clips are taken."""

    weight: float = Field(default=1.0, gt=0.0)
    """How often an epoch shows each clip; 2.5 means two or three times."""
    durations: str | None = None
    """A folder that `ssmphony distill` wrote: a model's alignment instead of the times in the manifest."""


class Batch(NamedTuple):
    """Padded at the end; batch first. Masks are true where something is."""

    names: tuple[str, ...]
    ids: Tensor
    """(batch, token) int64."""
    word_positions: Tensor
    """(batch, token) int64."""
    token_mask: Tensor
    speakers: Tensor
    """(batch,) int64."""
    frame_mask: Tensor
    """(batch, frame)."""
    anchors: tuple[tuple[Anchor, ...], ...]
    features: dict[str, Tensor]
    """What the task needs, by name, and nothing else: see `ssmphony.data.features`. (batch, frame, …); ``durations``
    and ``known_durations`` are (batch, token), ``samples`` and ``reference`` are (batch, sample)."""

    @property
    def mels(self) -> Tensor:
        """(batch, frame, n_mels) natural-log mel."""
        return self.features["mel"]

    @property
    def f0(self) -> Tensor:
        """(batch, frame) Hz, 0 where unvoiced."""
        return self.features["f0"]


class Utterances:
    """Clips with text from several corpora, one item each."""

    def __init__(
        self,
        corpora: Sequence[Corpus],
        symbols: Sequence[str],
        speakers: Sequence[str],
        needs: Needs,
        max_seconds: float = 12.0,
        respell: Callable[[Clip], Clip] | None = None,
    ) -> None:
        """``respell`` turns the clips of a manifest, which hold phonemes, into those of another frontend."""
        self.needs = needs
        self.ids = {symbol: index for index, symbol in enumerate(symbols)}
        self.speakers = {name: index for index, name in enumerate(speakers)}
        self.clips: list[Clip] = []
        self.folders: list[Path] = []
        self.weights: list[float] = []
        selected = select(corpora)
        for corpus, clips in zip(corpora, selected, strict=True):
            for clip in clips:
                if clip.symbols is None or clip.seconds > max_seconds:
                    continue
                if corpus.durations is not None:
                    clip = _timed(clip, Path(corpus.durations), needs.grid.frame_rate)
                clip = respell(clip) if respell else clip
                self._check(clip, corpus.path)
                self.clips.append(clip)
                self.folders.append(Path(corpus.path))
                self.weights.append(corpus.weight)
        if not self.clips:
            raise SsmphonyError(_nothing_left([clip for clips in selected for clip in clips], max_seconds))
        self.sources = [Source(*pair) for pair in zip(self.folders, self.clips, strict=True)]
        self.references = References(self.sources, needs.grid.sample_rate, needs.reference_s, needs.seed)

    def _check(self, clip: Clip, path: str) -> None:
        if clip.speaker not in self.speakers:
            raise SsmphonyError(f"{path}: speaker '{clip.speaker}' is not in voice.model.speakers; add it there")
        unknown = set(clip.symbols or ()) - set(self.ids)
        if unknown:
            raise SsmphonyError(
                f"{path}: clip {clip.id} has symbols that the frontend of the voice lacks ({_some(sorted(unknown))}): "
                "prepare the corpus with --frontend and its kind"
            )

    def __len__(self) -> int:
        return len(self.clips)

    def frames(self, index: int) -> int:
        """Frames of a clip, from its length alone."""
        return frame_count(self.clips[index], self.needs.grid)

    def batch(self, indices: Sequence[int], step: int = 0) -> Batch:
        """The clips ``indices``, padded. ``step`` chooses their references."""
        clips = [self.clips[index] for index in indices]
        rate = self.needs.grid.frame_rate
        return Batch(
            names=tuple(clip.id for clip in clips),
            ids=_pad([np.array([self.ids[symbol] for symbol in clip.symbols or ()]) for clip in clips]).long(),
            word_positions=_pad([word_positions(clip.words, len(clip.symbols or ())) for clip in clips]),
            token_mask=_pad([np.ones(len(clip.symbols or ()), bool) for clip in clips]),
            speakers=torch.tensor([self.speakers[clip.speaker] for clip in clips]),
            frame_mask=_pad([np.ones(self.frames(index), bool) for index in indices]),
            anchors=tuple(tuple((a, b, s * rate, e * rate) for a, b, s, e in clip.anchors) for clip in clips),
            features=self._features(indices, step),
        )

    def _features(self, indices: Sequence[int], step: int) -> dict[str, Tensor]:
        features = {
            feature.name: _pad([feature.read(self.sources[index]) for index in indices])
            for feature in self.needs.features
        }
        if REFERENCE in self.needs.names:
            features[REFERENCE] = _pad([self.references.read(index, step) for index in indices])
        return features

    def mean_log2_f0(self) -> Mapping[int, float]:
        """Mean of log2 F0 over each speaker's voiced frames (at most 200 clips each), by speaker id."""
        tracks: dict[int, list[npt.NDArray[np.float32]]] = {}
        for clip, folder in zip(self.clips, self.folders, strict=True):
            known = tracks.setdefault(self.speakers[clip.speaker], [])
            if len(known) < 200:
                f0 = read_pitch(folder, clip.id)
                known.append(np.log2(f0[f0 > 0]))
        voiced = {speaker: np.concatenate(track) for speaker, track in tracks.items()}
        for name, speaker in self.speakers.items():
            if speaker in voiced and not len(voiced[speaker]):
                raise SsmphonyError(
                    f"no clip of speaker '{name}' has a voiced sound: a pitch cannot be learned from it"
                )
        return {speaker: float(np.mean(track)) for speaker, track in voiced.items()}


class Bucketing:
    """Which clips go into which batch: similar lengths together, at most ``batch_size`` clips and ``max_frames``."""

    def __init__(self, utterances: Utterances, batch_size: int, max_frames: int, seed: int) -> None:
        self.utterances = utterances
        self.batch_size = batch_size
        self.max_frames = max_frames
        self.seed = seed
        self._epochs: list[list[list[int]]] = []
        self._starts = [0]

    def __call__(self, number: int) -> list[int]:
        """The clips of batch ``number``, counted through all epochs."""
        while number >= self._starts[-1]:
            epoch = self._plan(len(self._epochs))
            self._epochs.append(epoch)
            self._starts.append(self._starts[-1] + len(epoch))
        epoch = int(np.searchsorted(self._starts, number, side="right")) - 1
        return self._epochs[epoch][number - self._starts[epoch]]

    def _plan(self, epoch: int) -> list[list[int]]:
        random = np.random.default_rng((self.seed, epoch))
        weights = np.array(self.utterances.weights)
        repeats = np.floor(weights + random.random(len(weights))).astype(int)
        items = np.repeat(np.arange(len(weights)), repeats)
        lengths = np.array([self.utterances.frames(index) for index in items.tolist()])
        items = items[np.argsort(lengths * random.uniform(0.85, 1.15, len(items)))]
        batches: list[list[int]] = []
        longest = 0
        for index in items.tolist():
            longest = max(longest, self.utterances.frames(index))
            full = batches and (
                len(batches[-1]) == self.batch_size or (len(batches[-1]) + 1) * longest > self.max_frames
            )
            if not batches or full:
                batches.append([])
                longest = self.utterances.frames(index)
            batches[-1].append(index)
        return [batches[place] for place in random.permutation(len(batches))]


def _nothing_left(clips: Sequence[Clip], max_seconds: float) -> str:
    """Why none of the clips can be used."""
    if not clips:
        return "no clips with text to train on: run `ssmphony prepare` first, and see that `exclude` leaves some"
    silent = sum(clip.symbols is None for clip in clips)
    return (
        f"no clips with text to train on: of {len(clips)}, {silent} have no text and {len(clips) - silent} are longer "
        f"than {max_seconds:g} s (task.max_seconds)"
    )


def _timed(clip: Clip, folder: Path, frame_rate: float) -> Clip:
    """The clip with an anchor for each token of its words."""
    path = folder / f"{clip.id}.npy"
    durations = read_array(path, f"{path} is missing: run `ssmphony distill` on the corpus")
    if len(durations) != len(clip.symbols or ()):
        raise SsmphonyError(f"{path}: of another transcript; run `ssmphony distill` into a new folder")
    ends = np.cumsum(durations) / frame_rate
    starts = ends - durations / frame_rate
    tokens = [token for first, stop in clip.words for token in range(first, stop)]
    return replace(clip, anchors=tuple((i, i + 1, float(starts[i]), float(ends[i])) for i in tokens))


def _pad(rows: Sequence[npt.NDArray[np.generic]]) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more
