"""The mel spectrogram against its definition in float64, and its PyTorch twin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ssmphony.audio.mel import hann, log_mel, mel_filterbank
from ssmphony.codecs.mel_vocoder import MelVocoderConfig
from ssmphony.types import MelFormat, Samples

FORMAT = MelFormat()
Doubles = npt.NDArray[np.float64]


def noise(samples: int, seed: int = 0) -> Samples:
    return (0.3 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def triangles(f: MelFormat) -> Doubles:
    """HTK filters, one bin and one band at a time: up from one edge, down to the next but one."""

    def hertz(mel: float) -> float:
        return 700 * (10 ** (mel / 2595) - 1)

    low, high = (2595 * np.log10(1 + edge / 700) for edge in (f.f_min, f.f_max))
    edges = [hertz(low + (high - low) * i / (f.n_mels + 1)) for i in range(f.n_mels + 2)]
    filters = np.zeros((f.n_fft // 2 + 1, f.n_mels))
    for k in range(f.n_fft // 2 + 1):
        frequency = k * f.sample_rate / f.n_fft
        for band in range(f.n_mels):
            left, centre, right = edges[band : band + 3]
            if left < frequency <= centre:
                filters[k, band] = (frequency - left) / (centre - left)
            elif centre < frequency < right:
                filters[k, band] = (right - frequency) / (right - centre)
    return filters


def by_definition(samples: Samples, f: MelFormat) -> Doubles:
    """Frame t is the windowed DFT around sample t * hop; what lies outside is reflected at the edges."""
    total, half = len(samples), f.n_fft // 2
    n = np.arange(f.n_fft)
    window = np.sin(np.pi * n / f.n_fft) ** 2
    dft = np.exp(-2j * np.pi * np.outer(np.arange(half + 1), n) / f.n_fft)
    filters = triangles(f)
    rows = []
    for t in range(1 + total // f.hop_length):
        index = np.abs(t * f.hop_length - half + n)
        index = np.where(index >= total, 2 * (total - 1) - index, index)
        rows.append(np.abs(dft @ (window * samples.astype(np.float64)[index])) @ filters)
    return np.log(np.maximum(rows, f.log_floor))


@pytest.mark.parametrize(
    "mel_format",
    [FORMAT, MelFormat(sample_rate=16_000, n_fft=512, hop_length=128, n_mels=40, f_min=50.0, f_max=7_000.0)],
)
def test_equals_its_definition(mel_format: MelFormat) -> None:
    samples = noise(3_001)
    expected = by_definition(samples, mel_format)
    actual = log_mel(samples, mel_format)
    assert actual.dtype == np.float32
    # a band that no bin falls into is exactly at the floor in both
    np.testing.assert_allclose(actual, expected, atol=2e-4)


def test_filters_equal_their_definition() -> None:
    np.testing.assert_allclose(mel_filterbank(FORMAT), triangles(FORMAT), atol=1e-6)
    np.testing.assert_allclose(hann(1024), np.sin(np.pi * np.arange(1024) / 1024) ** 2, atol=1e-12)


def test_every_band_hears_something() -> None:
    assert (mel_filterbank(FORMAT).sum(axis=0) > 0).all()


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 257, 512, 513, 5_000])
def test_frames_are_counted_exactly(samples: int) -> None:
    frames = log_mel(noise(samples))
    assert frames.shape == (1 + samples // 256, 100)
    assert np.isfinite(frames).all()


def test_silence_is_the_floor() -> None:
    np.testing.assert_allclose(log_mel(np.zeros(4_000, np.float32)), np.log(1e-7), rtol=1e-6)


def test_a_gain_shifts_the_logarithm() -> None:
    samples = noise(6_000)
    np.testing.assert_allclose(log_mel(samples * 4), log_mel(samples) + np.log(4), atol=1e-4)


def test_a_delay_by_a_hop_shifts_the_frames() -> None:
    samples = noise(10_000)
    later = np.concatenate([noise(256, seed=1), samples])
    np.testing.assert_allclose(log_mel(later)[4:-3], log_mel(samples)[3:-3], atol=1e-4)


@pytest.mark.parametrize("hertz", [150.0, 440.0, 1_000.0, 5_000.0, 11_000.0])
def test_a_tone_is_loudest_in_its_band(hertz: float) -> None:
    frames = log_mel(np.sin(2 * np.pi * hertz / 24_000 * np.arange(8_000)).astype(np.float32))
    mels = np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), 102)[1:-1]
    nearest = int(np.abs(mels - 2595 * np.log10(1 + hertz / 700)).argmin())
    assert abs(int(frames[15].argmax()) - nearest) <= 1


@pytest.mark.parametrize("samples", [1, 300, 512, 513, 7_000])
def test_pytorch_hears_the_same(samples: int) -> None:
    codec = MelVocoderConfig(dim=4, intermediate=4, n_layers=1).build()
    sounds = np.stack([noise(samples), noise(samples, seed=1)])
    frames = codec.encode(torch.from_numpy(sounds)).numpy()
    np.testing.assert_allclose(frames, [log_mel(sound) for sound in sounds], atol=1e-4)
