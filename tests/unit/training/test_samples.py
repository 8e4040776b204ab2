"""Training of models that write samples: who is held out, what a batch is, what a bit counts, and that it learns."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.audio.mel import mel_filterbank
from ssmphony.audio.mu_law import SILENCE, decode
from ssmphony.config import parse
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


def test_what_is_foreseen_is_the_spectrum_after_what_is_known(corpus: Path) -> None:
    model = {"kind": "sashimi", "d_model": 4, "n_layers": 1, "ahead_s": [0.02, 0.06], "sample_rate": 8000}
    found = task(corpus, model=model)
    codes, labels, _ = found.training_batch(0)
    assert isinstance(found.model, Sashimi)
    logits, spectra = found.model.foresee(codes, labels)
    torch.testing.assert_close(logits, found.model(codes, labels))
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


@pytest.mark.integration
def test_it_learns_and_resumes(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    common = (f"task.sources=[{{path: {corpus}}}]", f"run.out={out}", "run.progress=false")
    train(CONFIGS / "sashimi.yaml", (*common, "task.optimiser.max_steps=40", "run.validate_every=40"))
    train(CONFIGS / "sashimi.yaml", (*common, "task.optimiser.max_steps=60", "run.validate_every=20"))
    logged = scalars(out)
    assert max(logged["train/bits"]) >= 59
    assert logged["val/bits"][60] < logged["val/unigram_bits"][60]
