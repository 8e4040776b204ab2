"""The codec without training: how near its sound comes to the mel it was given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssmphony.audio.griffin_lim import ITERATIONS, GriffinLim
from ssmphony.audio.mel import log_mel, mel_filterbank
from ssmphony.codecs.griffin_lim import GriffinLimConfig
from ssmphony.types import MelFormat, Samples, SsmphonyError

FORMAT = MelFormat()


def voice_like(seconds: float = 1.0) -> Samples:
    """Gliding harmonics under three formants, with syllables and a little noise."""
    time = np.arange(int(seconds * 24_000)) / 24_000
    f0 = 180 + 40 * np.sin(3 * np.pi * time)
    phase = 2 * np.pi * np.cumsum(f0) / 24_000
    sound = np.zeros_like(time)
    for harmonic in range(1, 50):
        hertz = harmonic * f0
        formants = sum(gain * np.exp(-(((hertz - f) / w) ** 2)) for f, w, gain in FORMANTS)
        sound += (formants + 0.02) * (hertz < 11_000) * np.sin(harmonic * phase)
    sound *= 0.5 + 0.5 * np.sin(2.3 * np.pi * time) ** 2
    sound += 0.01 * np.random.default_rng(0).standard_normal(len(sound))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


FORMANTS = ((600, 300, 1.0), (1500, 400, 0.5), (2700, 600, 0.3))


def decode(codec: GriffinLim, frames: Samples) -> Samples:
    """(time, band) → (time * hop,), lookahead fed and trimmed."""
    padded = np.pad(frames, ((0, codec.lookahead), (0, 0)))[None]
    mask = np.arange(len(padded[0]))[None] < len(frames)
    samples, _ = codec.decode(padded, mask, codec.initial_state(1))
    return samples[0, codec.lookahead * codec.grid.hop_length :]


def distance(samples: Samples, frames: Samples) -> float:
    """Mean absolute difference of log-mel, in nepers."""
    count = min(len(frames), len(samples) // 256)
    return float(np.abs(log_mel(samples)[:count] - frames[:count]).mean())


def test_sound_comes_near_the_mel() -> None:
    """0.095 here. Sixty passes of the offline algorithm with momentum reach 0.097, and zero phase alone stays far."""
    frames = log_mel(voice_like())
    samples = decode(GriffinLim(FORMAT), frames)
    assert samples.shape == (len(frames) * 256,)
    assert distance(samples, frames) < 0.12
    assert np.abs(samples).max() < 1.0


def test_iterations_are_what_brings_it_near(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = log_mel(voice_like())
    near = distance(decode(GriffinLim(FORMAT), frames), frames)
    monkeypatch.setattr("ssmphony.audio.griffin_lim.ITERATIONS", 0)
    assert ITERATIONS > 0
    assert distance(decode(GriffinLim(FORMAT), frames), frames) > 1.5 * near


def test_linear_magnitudes_explain_the_mel() -> None:
    frames = log_mel(voice_like(0.5))
    magnitudes = GriffinLim(FORMAT).magnitudes(frames[None])[0]
    assert magnitudes.shape == (len(frames), 513)
    assert (magnitudes >= 0).all()
    again = np.log(np.maximum(magnitudes @ mel_filterbank(FORMAT), FORMAT.log_floor))
    assert np.abs(again - frames).mean() < 0.01


def test_loudness_and_pitch_survive() -> None:
    sound = voice_like()
    made = decode(GriffinLim(FORMAT), log_mel(sound))[: len(sound)]
    assert np.std(made) == pytest.approx(np.std(sound), rel=0.1)
    spectra = [np.abs(np.fft.rfft(part[8_000:16_000] * np.hanning(8_000)))[40:600] for part in (sound, made)]
    assert np.corrcoef(spectra[0], spectra[1])[0, 1] > 0.8


def test_silence_is_silent() -> None:
    frames = np.full((20, 100), np.log(FORMAT.log_floor), np.float32)
    assert np.abs(decode(GriffinLim(FORMAT), frames)).max() < 1e-5


def test_tensors_and_arrays_are_the_same_sound() -> None:
    codec, algorithm = GriffinLimConfig().build(), GriffinLim(FORMAT)
    sound = voice_like(0.2)
    frames = codec.encode(torch.from_numpy(sound[None]))
    np.testing.assert_array_equal(frames.numpy(), algorithm.encode(sound[None]))
    mask = torch.ones(frames.shape[:2], dtype=torch.bool)
    expected, _ = algorithm.decode(frames.numpy(), mask.numpy(), algorithm.initial_state(1))
    for values in ((frames, mask), (frames.numpy(), mask.numpy())):
        samples, state = codec.decode(*values, codec.initial_state(1))
        np.testing.assert_array_equal(samples.numpy(), expected)
        assert all(isinstance(value, torch.Tensor) for value in state)


def test_other_formats() -> None:
    """A window of eight hops, fewer bands; and a window that hops do not tile is refused."""
    narrow = MelFormat(sample_rate=16_000, n_fft=512, hop_length=64, n_mels=40, f_max=8_000)
    codec = GriffinLim(narrow)
    frames = log_mel(voice_like(0.3), narrow)
    again = log_mel(decode(codec, frames), narrow)[: len(frames)]
    assert np.abs(again - frames).mean() < 0.3
    with pytest.raises(SsmphonyError, match="multiple of twice hop_length"):
        GriffinLim(MelFormat(hop_length=300))
