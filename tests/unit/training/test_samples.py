"""Training of models that write samples: who is held out, what a batch is, what a bit counts, and that it learns."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ssmphony.audio.mel import mel_filterbank
from ssmphony.audio.mu_law import SILENCE, decode
from ssmphony.config import parse
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.models.sashimi import BANDS, Sashimi
from ssmphony.training.config import VoiceConfig
from ssmphony.training.run import train
from ssmphony.training.tasks.samples import SamplesTask, SamplesTaskConfig
from ssmphony.types import MelFormat, SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import CONFIGS, scalars


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    speakers = ("tiny", "ravi", "tiny+ravi", "asha")
    return write_corpus(tmp_path_factory.mktemp("sound") / "tiny", clips=8, speakers=speakers)


def task(corpus: Path, **more: object) -> SamplesTask:
    model = {"kind": "sashimi", "d_model": 4, "n_layers": 1, "mixers": [{"kind": "s4d", "d_state": 4}]}
    model |= {"center": [{"kind": "s4d", "d_state": 4}]}
    settings = {"kind": "samples", "model": model, "sources": [{"path": str(corpus)}], "held_out": ["ravi"]}
    return parse(SamplesTaskConfig, {**settings, "batch_size": 2, "longest_s": 0.1, **more}).build(VoiceConfig(), 0)


def test_blends_of_a_held_out_speaker_are_held_out_too(corpus: Path) -> None:
    found = task(corpus)
    names = [[found.clips.clips[i].speaker for i in part] for part in (found.training_clips, found.held_out)]
    assert names == [["tiny", "asha"] * 2, ["ravi", "tiny+ravi"] * 2]


def test_a_batch_is_a_function_of_its_number_and_ends_in_silence(corpus: Path) -> None:
    found = task(corpus)
    codes, labels, lengths = found.training_batch(3)
    assert torch.equal(codes, found.training_batch(3)[0])
    assert any(not torch.equal(codes, found.training_batch(number)[0]) for number in range(4, 10))
    assert labels.tolist() == [0, 0]
    assert lengths.tolist() == [800, 800]
    assert codes.shape == (2, 800 + 400)
    assert (codes[:, 800:] == SILENCE).all()
    assert (codes[:, :800] != SILENCE).any()


def test_noise_is_on_what_is_read_alone_and_not_on_the_end(corpus: Path) -> None:
    codes, _, lengths = task(corpus).training_batch(3)
    assert task(corpus).disturbed(codes, lengths) is codes
    torch.manual_seed(0)
    noisy = task(corpus, input_noise=4.0).disturbed(codes, lengths)
    assert noisy.dtype == codes.dtype
    assert torch.equal(noisy[:, 800:], codes[:, 800:])
    moved = (noisy - codes)[:, :800].float().std(dim=1)
    assert (moved > 0.0).all()
    assert (moved < 4.5).all()


def test_bits_are_those_of_the_distribution(corpus: Path) -> None:
    found = task(corpus)
    codes, labels, lengths = found.training_batch(0)
    with torch.no_grad():
        found.model.head.weight.zero_()
        found.model.head.bias.zero_()
        assert float(found.bits(codes, labels, lengths)) == pytest.approx(8.0, abs=1e-5)
        found.model.head.bias[SILENCE] = 30.0
        silent = torch.full_like(codes, SILENCE)
        assert float(found.bits(silent, labels, lengths)) < 1e-6
        one = silent.clone()
        one[0, 5] = 0  # a code of probability e^-30
        expected = 30.0 / math.log(2.0) / int(lengths.sum())
        assert float(found.bits(one, labels, lengths)) == pytest.approx(expected, rel=1e-3)
        late = silent.clone()
        late[0, 900] = 0  # in the padding
        assert float(found.bits(late, labels, lengths)) < 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"held_out": ["nobody"]}, "'nobody', who is to be held out"),
        ({"held_out": []}, "name speakers to hold out"),
        ({"model": {"kind": "sashimy"}}, "did you mean 'sashimi'"),
        ({"model": {"kind": "wavenet", "classes": ["one"]}}, "is none of the classes"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, object], message: str, corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match=message):
        task(corpus, **settings)


def spoken(folder: Path, *, timed: bool = True) -> Path:
    """Two clips of each of two words, by two speakers, with the times of their phones: 0.1 s each."""
    clips = []
    for number, (speaker, word) in enumerate(itertools.product("ab", ("one", "one", "two", "two"))):
        symbols = ("^", "o") if word == "one" else ("^", "t", "u")
        soundfile.write(folder / f"{number}.wav", 0.1 * np.sin(np.arange(3200.0)), 8000)
        anchors = tuple((part, part + 1, 0.1 * part, 0.1 * part + 0.1) for part in range(len(symbols)))
        clip = Clip(str(number), f"{number}.wav", 0.4, speaker, "hi", word, symbols, anchors=anchors if timed else ())
        clips.append(clip)
    write_manifest(folder, clips)
    return folder


def test_what_is_foreseen_is_the_spectrum_after_what_is_known(corpus: Path) -> None:
    model = {"kind": "sashimi", "d_model": 4, "n_layers": 1, "ahead_s": [0.02, 0.06], "sample_rate": 8000}
    found = task(corpus, model=model)
    codes, asked, _ = found.training_batch(0)
    assert isinstance(found.model, Sashimi)
    logits, spectra = found.model.foresee(codes, asked)
    torch.testing.assert_close(logits, found.model(codes, asked))
    steps = codes.shape[1] // 16
    assert spectra.shape == (2, steps, 2, BANDS)
    expected = torch.zeros(2, steps, 2, BANDS)
    for row, clip in enumerate(codes):
        samples = decode(np.concatenate([clip.numpy(), np.full(2000, SILENCE)]))
        for step in range(steps):
            for place, ahead in enumerate((160, 480)):
                middle = 16 * (step + 1) + ahead
                part = np.pad(samples[max(0, middle - 128) : middle + 128], (max(0, 128 - middle), 0))
                magnitude = np.abs(np.fft.rfft(part * (0.5 - 0.5 * np.cos(np.pi * np.arange(256) / 128))))
                grid = MelFormat(8000, 256, 16, BANDS, 0.0, 4000.0)
                expected[row, step, place] = torch.tensor(magnitude @ mel_filterbank(grid)).clamp(min=0.02).log()
    assert float(found.distance(expected, codes)) < 1e-4
    assert float(found.distance(expected.roll(1, 1), codes)) > 0.01


PHONES = {"kind": "wavenet", "classes": ["one", "two"], "parts": [2, 3]}


def test_parts_are_the_phones_at_their_times(tmp_path: Path) -> None:
    found = task(spoken(tmp_path), held_out=["b"], model=PHONES, longest_s=1.0)
    codes, asked, lengths = found.validation_batches()[0]
    assert asked.shape == codes.shape
    assert lengths.tolist() == [3200, 3200]
    assert asked[0].unique_consecutive(return_counts=True)[1].tolist() == [800, 800, 1600]
    assert asked[0].unique_consecutive().tolist() == [2, 3, 1]
    assert found.validation_batches()[1][1][0].unique_consecutive().tolist() == [4, 5, 6, 1]
    assert found.model.parts is not None
    assert found.model.parts.longest[1].tolist() == pytest.approx([0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("timed", "model", "message"),
    [
        (False, {}, "clip 0 \\('one'\\) has no times of 2 parts"),
        (True, {"parts": [3, 3]}, "clip 0 \\('one'\\) has no times of 3 parts"),
        (True, {"classes": ["one", "two", "three"], "parts": [2, 3, 4]}, "says 'three'"),
        (True, {"parts": [2]}, "parts must be 2 numbers of 1 or more"),
    ],
)
def test_what_is_wrong_with_parts_is_named(timed: bool, model: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=message):
        task(spoken(tmp_path, timed=timed), held_out=["b"], model={**PHONES, **model})


@pytest.mark.integration
def test_it_learns_and_resumes(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    common = (f"task.sources=[{{path: {corpus}}}]", f"run.out={out}", "run.progress=false")
    train(CONFIGS / "sashimi.yaml", (*common, "task.optimiser.max_steps=40", "run.validate_every=40"))
    train(CONFIGS / "sashimi.yaml", (*common, "task.optimiser.max_steps=60", "run.validate_every=20"))
    logged = scalars(out)
    assert max(logged["train/bits"]) >= 59
    assert logged["val/bits"][60] < logged["val/unigram_bits"][60]
