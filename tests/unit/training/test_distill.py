"""`ssmphony distill`: one file per clip, aligned frame by frame with the recording, and a vocoder trained on them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.audio.mel import log_mel
from ssmphony.data.clips import read_clip
from ssmphony.data.dataset import Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.manifest import read_manifest
from ssmphony.training import distill as module
from ssmphony.training.distill import distill
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask
from ssmphony.types import MelFormat, SsmphonyError
from tests.unit.training.runs import PICTURES, checkpoint, settings

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("s4_acoustic")
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in PICTURES:
            patch.setattr(owner, name, lambda *args: None)
        learn = ("task.optimiser.max_steps=80", "task.optimiser.lr=0.01", "run.ema=0", "run.validate_every=100")
        return train(*settings("s4_acoustic", corpus, out, *learn))


@pytest.fixture(scope="module")
def made(corpus: Path, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mels") / "out"
    assert distill(*settings("s4_acoustic", corpus, run), run, out) == 8
    return out


def frames_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.npy"))


def test_frames_match_the_recording(corpus: Path, made: Path) -> None:
    """And say what it says: nearer to it than to itself shifted by a few frames."""
    assert {path.name for path in frames_in(made / corpus.name)} == {f"clip-{number}.npy" for number in range(8)}
    here, shifted = [], []
    for clip in read_manifest(corpus):
        mel = np.load(made / corpus.name / f"{clip.id}.npy")
        recorded = log_mel(read_clip(corpus / clip.audio)[0]).clip(-11.5)
        assert mel.dtype == np.float16
        assert mel.shape == recorded.shape
        here.append(np.abs(mel - recorded).mean())
        shifted.append(min(np.abs(mel[6:] - recorded[:-6]).mean(), np.abs(mel[:-6] - recorded[6:]).mean()))
    assert np.mean(here) < 0.8 * np.mean(shifted)


def test_durations_become_the_times_of_a_training(corpus: Path, made: Path, tmp_path: Path) -> None:
    folder = made / corpus.name / "durations"
    clips = {clip.id: clip for clip in read_manifest(corpus)}
    symbols = sorted({symbol for clip in clips.values() for symbol in clip.symbols or ()})
    timed = Utterances([Corpus(path=str(corpus), durations=str(folder))], symbols, ("tiny",), Needs.of_mel(MelFormat()))
    for clip in timed.clips:
        known = clips[clip.id]
        durations = np.load(folder / f"{clip.id}.npy")
        assert len(durations) == len(known.symbols or ())
        assert durations.sum() == 1 + int(known.seconds * MelFormat().frame_rate)
        assert [anchor[:2] for anchor in clip.anchors] == [(i, i + 1) for a, b in known.words for i in range(a, b)]
        starts = {first: start for first, _, start, _ in known.anchors}
        for first, _, start, end in clip.anchors:
            assert start <= end
            if first in starts:  # of a word
                assert abs(start - starts[first]) < 0.1
    np.save(tmp_path / "clip-0.npy", np.ones(3, np.int32))
    missing = ("is missing: run `ssmphony distill`", tmp_path / "none")
    for problem, name in (("of another transcript", tmp_path), missing):
        with pytest.raises(SsmphonyError, match=problem):
            Utterances([Corpus(path=str(corpus), durations=str(name))], symbols, ("tiny",), Needs.of_mel(MelFormat()))


def test_batches_do_not_matter(corpus: Path, run: Path, made: Path, tmp_path: Path) -> None:
    distill(*settings("s4_acoustic", corpus, run, "task.batch_size=1"), run, tmp_path)
    for path in frames_in(made / corpus.name):
        np.testing.assert_allclose(np.load(path), np.load(tmp_path / corpus.name / path.name), atol=0.02)


def test_killed_run_goes_on(
    corpus: Path, run: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = module.write_array
    written: list[str] = []

    def stop_after_three(path: Path, array: np.ndarray) -> None:
        if path.parent.name == corpus.name:  # not the durations
            if len(written) == 3:
                raise KeyboardInterrupt
            written.append(path.name)
        write(path, array)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_array", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            distill(*settings("s4_acoustic", corpus, run), run, tmp_path)
    kept = {name: os.stat(tmp_path / corpus.name / name).st_mtime_ns for name in written}
    counts: list[tuple[int, int]] = []
    assert (
        distill(*settings("s4_acoustic", corpus, run), run, tmp_path, progress=lambda *count: counts.append(count)) == 8
    )
    assert counts[0] == (3, 8)
    assert counts[-1] == (8, 8)
    assert kept == {name: os.stat(tmp_path / corpus.name / name).st_mtime_ns for name in written}
    for path in frames_in(made / corpus.name):
        np.testing.assert_allclose(np.load(path), np.load(tmp_path / corpus.name / path.name), atol=0.02)


def test_other_model_or_other_task_is_one_line(corpus: Path, run: Path, made: Path, tmp_path: Path) -> None:
    path, overrides = settings("s4_acoustic", corpus, run)
    task = build(read_config(path, overrides), str(path))
    assert isinstance(task, S4AcousticTask)
    other = tmp_path / "other.ckpt"
    torch.save({"state_dict": {f"model.{name}": value for name, value in task.model.state_dict().items()}}, other)
    with pytest.raises(SsmphonyError, match="holds the frames of another model"):
        distill(path, overrides, other, made)
    with pytest.raises(SsmphonyError, match=r"do not fit voice\.model \(at '.*'\)"):
        distill(path, (*overrides, "voice.model.d_model=24"), run, tmp_path / "out")
    with pytest.raises(SsmphonyError, match="trains no acoustic model"):
        distill(*settings("codec", corpus, run), run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_vocoder_trains_on_them(corpus: Path, made: Path, tmp_path: Path) -> None:
    source = f"task.sources=[{{path: {corpus}, mels: {made / corpus.name}}}]"
    short = ("task.optimiser.max_steps=2", "run.validate_every=100", source)
    out = train(*settings("codec", corpus, tmp_path, *short))
    assert checkpoint(out / "last.ckpt")["step"] == 2
