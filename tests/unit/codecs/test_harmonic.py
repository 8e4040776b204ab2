"""Harmonics: what comes out of a head that knows its pitch, and that a story's length changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssmphony.codecs.harmonic import BANDS, HIGHEST_HZ, LOWEST_HZ, NOISE_FRAMES, HarmonicHead
from ssmphony.codecs.mel_vocoder import MelVocoder, MelVocoderConfig
from ssmphony.types import MelFormat

FORMAT = MelFormat()
BINS = FORMAT.n_fft // 2 + 1


def head(pitch_hz: float, noise: float = -50.0) -> HarmonicHead:
    """One that hears nothing: the same pitch always, little between its partials."""
    made = HarmonicHead(4, FORMAT)
    share = np.log2(pitch_hz / LOWEST_HZ) / np.log2(HIGHEST_HZ / LOWEST_HZ)
    with torch.no_grad():
        made.bands.bias.zero_()
        made.bands.bias[0] = float(np.log(share / (1 - share)))
        made.bands.bias[1 : 1 + BANDS] = noise
        made.bands.bias[1 + BANDS :] = 4.0 if noise < 0 else 0.0
    return made


def sound(vocoder_head: HarmonicHead, frames: int) -> np.ndarray:
    """Of a flat spectrum."""
    codec = MelVocoder(MelVocoderConfig(dim=4, intermediate=4, n_layers=1, harmonic=True))
    codec.harmonics = vocoder_head
    torch.nn.init.zeros_(codec.head.weight)
    with torch.no_grad():
        return codec(torch.zeros(1, frames, FORMAT.n_mels))[0].numpy()


@pytest.mark.parametrize("pitch", [90.0, 173.0, 310.0])
def test_partials_stand_at_multiples_of_the_pitch(pitch: float) -> None:
    samples = sound(head(pitch), 200)[8_000:40_000]
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / FORMAT.sample_rate)
    below = (hertz > pitch / 2) & (hertz < 3_000)
    near = np.abs(hertz / pitch - np.round(hertz / pitch)) * pitch < 4.0
    assert power[below & near].sum() > 0.98 * power[below].sum()


def test_noise_has_no_partials() -> None:
    samples = sound(head(173.0, noise=50.0), 200)[8_000:40_000]
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / FORMAT.sample_rate)
    below = (hertz > 90) & (hertz < 3_000)
    near = np.abs(hertz / 173.0 - np.round(hertz / 173.0)) * 173.0 < 4.0
    assert power[below & near].sum() < 0.2 * power[below].sum()


def test_absent_frames_turn_nothing() -> None:
    made, x, zeros = head(200.0), torch.zeros(1, 3, 4), torch.zeros(1, 3, BINS)
    _, state = made(x, zeros, zeros, torch.tensor([[True, False, False]]), made.initial_state(1))
    _, one = made(x[:, :1], zeros[:, :1], zeros[:, :1], torch.ones(1, 1, dtype=torch.bool), made.initial_state(1))
    assert torch.equal(state, one)


def test_the_state_does_not_grow() -> None:
    made = head(431.0)
    x, zeros, mask = torch.zeros(1, 500, 4), torch.zeros(1, 500, BINS), torch.ones(1, 500, dtype=torch.bool)
    _, state = made(x, zeros, zeros, mask, made.initial_state(1))
    assert 0 <= float(state[0, 0]) < 1
    assert float(state[0, 1]) == 500 % NOISE_FRAMES
    expected = 500 * 431.0 * FORMAT.hop_length / FORMAT.sample_rate
    assert float(state[0, 0]) == pytest.approx(expected % 1, abs=1e-3)


def test_blocks_turn_as_far_as_one_shot() -> None:
    """The phase is a sum over all frames: a vectorised function that rounds the rest of a tensor otherwise than its
    vectors would let it drift."""
    made, frames = HarmonicHead(1, FORMAT), 2000
    with torch.no_grad():
        made.bands.weight[0] = 1.0
    x = torch.randn(1, frames, 1, generator=torch.Generator().manual_seed(0))
    zeros, mask = torch.zeros(1, frames, BINS), torch.ones(1, frames, dtype=torch.bool)
    with torch.no_grad():
        _, whole = made(x, zeros, zeros, mask, made.initial_state(1))
        state = made.initial_state(1)
        for part in torch.arange(frames).split(7):
            _, state = made(x[:, part], zeros[:, part], zeros[:, part], mask[:, part], state)
    assert float((state - whole)[0, 0].abs()) < 1e-8
