"""The demos of the textbook: sounds to arrays and back, and a model that learns two made-up digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("jax", reason="JAX is not installed: pip install '.[reference]'")

from reference.annotated_s4 import digits, train


def test_mu_law_returns() -> None:
    samples = np.linspace(-1, 1, 1001)
    codes = digits.mu_law(samples, 256)
    assert (codes.min(), codes.max()) == (0, 255)
    back = digits.from_mu_law(codes, 256)
    assert np.all(np.abs(back - samples) <= 0.03 * np.abs(samples) + 1e-4)
    assert np.array_equal(digits.mu_law(back, 256), codes)


def test_halving_keeps_what_is_low_and_drops_what_is_high() -> None:
    t = np.arange(4000) / digits.RATE
    low, high = (digits.halve(np.sin(2 * np.pi * f * t))[100:-100] for f in (500, 3500))
    assert np.allclose(low, np.sin(2 * np.pi * 500 * t)[::2][100:-100], atol=0.01)
    assert np.abs(high).max() < 0.01


def test_files_are_split_as_the_data_set_says(tmp_path: Path) -> None:
    for take in (0, 4, 5, 49):
        soundfile.write(tmp_path / f"7_nicolas_{take}.wav", np.ones(300) / 2, digits.RATE)
    training, test = digits.read_digits(tmp_path)
    assert [clip.take for clip in training] == [49, 5]
    assert [clip.take for clip in test] == [0, 4]
    assert train.heard(test)[0].shape == (2, train.FRAMES, 32)
    codes, spoken, ends = train.spoken(test)
    assert codes.shape == (2, train.LENGTH)
    assert spoken.tolist() == [7, 7]
    assert ends.tolist() == [150 + 800, 150 + 800]
    with pytest.raises(SystemExit, match="no files"):
        digits.read_digits(tmp_path / "elsewhere")


@pytest.mark.slow
def test_classifier_learns_two_tones() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(digits.RATE // 2) / digits.RATE
    clips = [
        digits.Clip(kind, "tone", 9, np.sin(2 * np.pi * (500, 2000)[kind] * t) + 0.1 * rng.normal(size=len(t)))
        for kind in (0, 1) * 16
    ]
    weights = train.network(0, 32, 10, H=4, N=4, layers=1)
    _, losses = train.train(weights, train.classifier_loss, train.batches(train.heard(clips), 8), 80, 2e-2)
    assert np.mean(losses[-5:]) < 0.1 < 2.0 < losses[0]
