"""PESQ, STOI and STFT distance of identical and of degraded sounds; the last compared with PyTorch's STFT."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssmphony.evaluation.metrics.fidelity import FLOOR, RESOLUTIONS, Pesq, Stoi, stft_distance
from ssmphony.types import Samples, SsmphonyError


def speech(seconds: float = 2.0) -> Samples:
    time = np.arange(round(24_000 * seconds)) / 24_000
    syllables = np.abs(np.sin(2 * np.pi * 2 * time)) * (np.sin(2 * np.pi * 0.6 * time) > -0.7)
    harmonics = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 30))
    return (0.2 * syllables * harmonics).astype(np.float32)


def noisy(sound: Samples, level: float) -> Samples:
    return (sound + level * np.random.default_rng(0).standard_normal(len(sound))).astype(np.float32)


def test_pesq_of_the_same_sound_is_the_highest_there_is() -> None:
    """4.644 is the top of P.862.2's scale."""
    pytest.importorskip("pesq")
    pesq, sound = Pesq(), speech()
    assert pesq(sound, sound, 24_000) == pytest.approx(4.644, abs=0.001)
    assert 1.0 <= pesq(sound, noisy(sound, 0.05), 24_000) < pesq(sound, noisy(sound, 0.003), 24_000) < 4.6
    assert np.isnan(pesq(sound[:200], sound[:200], 24_000))


def test_stoi_of_the_same_sound_is_one() -> None:
    pytest.importorskip("pystoi")
    stoi, sound = Stoi(), speech()
    assert stoi(sound, sound, 24_000) == pytest.approx(1.0, abs=1e-6)
    assert stoi(sound, noisy(sound, 0.3), 24_000) < stoi(sound, noisy(sound, 0.01), 24_000) < 1.0


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pesq", "pystoi"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    for model, line in ((Pesq, "pip install pesq"), (Stoi, "pip install pystoi")):
        with pytest.raises(SsmphonyError, match=line):
            model()


def test_stft_distance_equals_pytorch() -> None:
    x, y = speech(0.5), noisy(speech(0.5), 0.01)
    wanted = 0.0
    for n_fft, hop, window in RESOLUTIONS:
        a, b = (
            torch.stft(
                torch.from_numpy(part), n_fft, hop, window, torch.hann_window(window), pad_mode="constant",
                return_complex=True,
            ).abs().clamp(min=FLOOR)
            for part in (x, y)
        )  # fmt: skip
        wanted += float((a - b).norm() / a.norm() + (a.log() - b.log()).abs().mean()) / len(RESOLUTIONS)
    assert stft_distance(x, y) == pytest.approx(wanted, rel=1e-3)
    assert stft_distance(x, x) == 0.0


def test_half_the_level() -> None:
    """Spectral convergence 1/2, log distance ln 2 wherever there is sound."""
    sound = np.random.default_rng(1).standard_normal(12_000).astype(np.float32)
    assert stft_distance(sound, 0.5 * sound) == pytest.approx(0.5 + np.log(2), abs=1e-3)
    with pytest.raises(ValueError, match="no samples"):
        stft_distance(sound, sound[:0])
