"""The model's windows, and its order of clean and noisy speech where its network is installed."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.models import dnsmos
from ssmphony.types import SsmphonyError


@pytest.mark.parametrize(("seconds", "count"), [(1.0, 7), (9.01, 1), (9.5, 1), (10.5, 1), (13.0, 4)])
def test_windows(seconds: float, count: int) -> None:
    """As the authors count them; one second is doubled to sixteen."""
    samples = np.arange(round(seconds * dnsmos.RATE), dtype=np.float32)
    windows = dnsmos.scored_windows(samples)
    assert [len(window) for window in windows] == [dnsmos.WINDOW] * count
    assert [window[0] for window in windows] == [k * dnsmos.RATE % len(samples) for k in range(count)]


def test_no_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        dnsmos.scored_windows(np.zeros(0, np.float32))


def test_without_the_network_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsmos, "find_model", lambda *_: None)
    with pytest.raises(SsmphonyError, match="pip install --no-deps speechmos"):
        dnsmos.Dnsmos()


@pytest.mark.skipif(dnsmos.find_model() is None, reason="speechmos is not installed")
def test_noise_lowers_the_score() -> None:
    time = np.arange(72_000) / 24_000
    syllables = (np.sin(2 * np.pi * 3 * time) > 0) * np.hanning(8000)[np.arange(72_000) % 8000]
    voice = 0.2 * syllables * sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 20))
    noise = np.random.default_rng(0).standard_normal(len(voice)) * 0.1
    model = dnsmos.Dnsmos()
    clean, noisy = model(voice.astype(np.float32), 24_000), model((voice + noise).astype(np.float32), 24_000)
    assert all(0.5 < score < 5.5 for score in (*clean, *noisy))
    assert clean.background > noisy.background + 0.5
