"""`ssmphony distill`: an acoustic model's frames of every clip of a corpus, to train a vocoder on, and its durations.

The model gets the recording's own aligned durations, pitch and energy, so that its frames correspond one by one to the
recording's: frame i of ``<corpus>/<id>.npy`` is centred on sample ``i * hop_length`` of ``audio/<id>.flac``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ssmphony.data.clips import write_array
from ssmphony.data.dataset import Batch, Utterances
from ssmphony.data.manifest import claim
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.training.initial import origin
from ssmphony.training.run import build, read_config
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask, S4AcousticTaskConfig
from ssmphony.types import SsmphonyError

STAMP = "mels.json"

Progress = Callable[[int, int], None]
"""Called with (clips done, clips in all)."""


def distill(
    path: Path, overrides: tuple[str, ...], init: str | Path, out: Path, *, progress: Progress | None = None
) -> int:
    """Write ``out/<corpus>/<id>.npy``, float16 (frames, n_mels) natural-log mel, for each clip of a training file.

    ``<corpus>`` is the name of the clip's folder; a codec's training takes the frames by ``mels: out/<corpus>`` in its
    source. ``out/<corpus>/durations/<id>.npy``, int32 (token,), holds the frames of each token by the model's
    alignment; a training takes these by ``durations: out/<corpus>/durations`` in its corpus.

    path, overrides: the training file; its training and its validation corpora are read, clips of any length.
    init: the trained model, an installed voice or what `read_weights` takes. Returns how many clips there are. Clips
    that ``out`` holds already are skipped, so a run that was killed goes on where it was. Raises `SsmphonyError` when
    the file is not one of an acoustic model, when the weights do not fit it, or when ``out`` holds the frames of
    another model.
    """
    config = read_config(path, overrides)
    if config.task.get("kind") != "s4_acoustic":
        raise SsmphonyError(f"{path}: trains no acoustic model; give the file that the model was trained with")
    task = build(config, str(path))
    assert isinstance(task, S4AcousticTask)
    task.eval()
    settings = task.config
    source = origin(init)
    load_exactly(task.model, read_weights(source, "model"), source, "voice.model")
    weights = task.model.state_dict()
    _claim(out, weights)
    corpora = (*settings.corpora, *settings.validation)
    clips = Utterances(corpora, task.symbols, task.model.config.speakers, task.utterances.needs, float("inf"))
    paths = _paths(clips, out)
    waiting = [index for path, index in paths.items() if not path.exists()]
    done = len(paths) - len(waiting)
    report = progress or (lambda count, total: None)
    report(done, len(paths))
    for indices in _batches(clips, waiting, settings):
        for index, (mel, durations) in zip(indices, _speak(task, clips.batch(indices)), strict=True):
            path = _path(clips, index, out)
            write_array(path.parent / "durations" / path.name, durations.numpy().astype(np.int32))
            write_array(path, mel.numpy().astype(np.float16))
        done += len(indices)
        report(done, len(paths))
    return done


def _path(clips: Utterances, index: int, out: Path) -> Path:
    return out / clips.folders[index].name / f"{clips.clips[index].id}.npy"


def _paths(clips: Utterances, out: Path) -> dict[Path, int]:
    """Where each clip's frames go; a clip in both training and validation is listed once."""
    folders = {folder.name: folder for folder in clips.folders}
    for folder in clips.folders:
        if folders[folder.name] != folder:
            raise SsmphonyError(f"{folder} and {folders[folder.name]} have the same name: rename one of them")
    return {_path(clips, index, out): index for index in range(len(clips))}


def _batches(utterances: Utterances, indices: Sequence[int], settings: S4AcousticTaskConfig) -> Iterator[list[int]]:
    """Clips of similar length, at most ``batch_size`` of them and ``max_frames`` frames unless one alone has more."""
    batch: list[int] = []
    for index in sorted(indices, key=utterances.frames):
        full = len(batch) == settings.batch_size or (len(batch) + 1) * utterances.frames(index) > settings.max_frames
        if batch and full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@torch.no_grad()
def _speak(task: S4AcousticTask, batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """Frames and durations of each clip."""
    result = task.reconstruct(batch)
    mels = task.model.denormalise(result.output)
    rows = zip(mels, batch.frame_mask, result.targets.durations, batch.token_mask, strict=True)
    return [(mel[frames], durations[tokens]) for mel, frames, durations, tokens in rows]


def _claim(out: Path, weights: Mapping[str, Tensor]) -> None:
    """Create the folder, or check that it belongs to the same model."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    stamp = {"model": digest.hexdigest()}
    claim(out / STAMP, stamp, "holds the frames of another model: choose another folder or remove it")
