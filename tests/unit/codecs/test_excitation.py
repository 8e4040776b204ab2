"""The sources of a source-filter codec: what their spectra are, and that time alone decides them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ssmphony.codecs.excitation import NOISE_LENGTH, NoiseSpectrum, PulseSpectrum, PulseState

RATE, N_FFT, HOP, HIGHEST = 24_000, 1_200, 300, 11_000.0


def source() -> PulseSpectrum:
    return PulseSpectrum(RATE, N_FFT, HOP, HIGHEST)


def spectra(pitch: Tensor, cuts: tuple[int, ...] = ()) -> tuple[Tensor, PulseState]:
    """Complex spectra (batch, time, bin) of whole utterances, in pieces, and the last state. Edges are aligned as a
    codec aligns them: the hop after frame -1 is the first one."""
    made, batch = source(), len(pitch)
    time = pitch.shape[1]
    padded = torch.nn.functional.pad(pitch, (2, 2))
    mask = (torch.arange(time + 4) >= 2) & (torch.arange(time + 4) < time + 2)
    state, parts = made.initial_state(batch), []
    edges = [0, *(cut + 2 for cut in cuts), time + 2]
    for first, stop in zip(edges, edges[1:], strict=False):
        piece = slice(first, stop + 2)
        real, imaginary, state = made(padded[:, piece], mask[piece].expand(batch, -1), state)
        parts.append(torch.complex(real, imaginary))
    return torch.cat(parts, dim=1)[:, 2:], state


def expected(pitch: np.ndarray) -> np.ndarray:
    """The STFT of a sum of cosines, in float64, of one row."""
    position = (np.arange(len(pitch) * HOP) + 0.5) / HOP - 0.5
    hertz = np.interp(position, np.arange(len(pitch)), pitch)
    phase = 2 * math.pi * np.cumsum(hertz.clip(min=40.0)) / RATE
    partials = np.arange(1, int(HIGHEST / 40) + 1)[:, None]
    sound = (np.cos(partials * phase) * (partials * hertz <= HIGHEST)).sum(axis=0) * (hertz > 40.0)
    made = torch.stft(
        torch.from_numpy(sound),
        N_FFT,
        HOP,
        window=torch.hann_window(N_FFT, dtype=torch.float64),
        pad_mode="constant",
        return_complex=True,
    )
    return made.T.numpy()[: len(pitch)] / (N_FFT / 4)


@pytest.mark.parametrize("kind", ["constant", "rising", "voiced and not"])
def test_pulses_are_the_sum_of_all_partials(kind: str) -> None:
    pitch = {
        "constant": np.full(30, 201.3),
        "rising": np.linspace(103.0, 290.0, 30),
        "voiced and not": np.r_[np.zeros(8), np.linspace(150, 220, 12), np.zeros(10)],
    }[kind]
    made, _ = spectra(torch.tensor(pitch, dtype=torch.float32)[None])
    np.testing.assert_allclose(made[0].numpy(), expected(pitch), atol=2e-3)


def test_a_partial_peaks_at_one() -> None:
    made, _ = spectra(torch.full((1, 30), 200.0))
    size = made[0, 15].abs()
    assert size[10::10][:50].numpy() == pytest.approx(1.0, abs=0.03)  # bins are 20 Hz apart
    assert float(size[15:540:10].max()) < 0.05


def test_pieces_equal_one_shot() -> None:
    pitch = torch.rand(2, 40, generator=torch.Generator().manual_seed(0)) * 300
    whole, state = spectra(pitch)
    pieces, other = spectra(pitch, (1, 2, 9, 30))
    torch.testing.assert_close(pieces, whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(other.turns, state.turns, atol=1e-12, rtol=0)


def test_the_phase_does_not_grow_and_stays_exact() -> None:
    """After an hour as after a second."""
    made, frames = source(), 500
    state = made.initial_state(1)._replace(turns=torch.tensor([0.999], dtype=torch.float64))
    pitch, mask = torch.full((1, frames + 2), 431.0), torch.ones(1, frames + 2, dtype=torch.bool)
    with torch.no_grad():
        _, _, state = made(pitch, mask, state)
    assert 0 <= float(state.turns[0]) < 1
    assert float(state.turns[0]) == pytest.approx((0.999 + frames * 431.0 * HOP / RATE) % 1, abs=1e-8)


def test_absent_frames_have_no_pulses_and_turn_nothing() -> None:
    made = source()
    real, imaginary, state = made(torch.full((1, 7), 200.0), torch.zeros(1, 7, dtype=torch.bool), made.initial_state(1))
    assert not real.any()
    assert not imaginary.any()
    assert float(state.turns[0]) == 0.0


def test_noise_is_white_and_its_frames_differ() -> None:
    noise, frames = NoiseSpectrum(601), 400
    real, imaginary, _ = noise(torch.ones(1, frames, dtype=torch.bool), noise.initial_state(1))
    for part in (real, imaginary):
        assert float(part.mean()) == pytest.approx(0.0, abs=0.02)
        assert float(part.square().mean()) == pytest.approx(1.0, abs=0.03)
    likeness = torch.corrcoef(real[0]).fill_diagonal_(0.0)
    assert float(likeness.abs().max()) < 0.3, "frames repeat"
    assert abs(float(torch.corrcoef(torch.stack([real.flatten(), imaginary.flatten()]))[0, 1])) < 0.02


def test_noise_is_a_function_of_the_frame() -> None:
    """Whatever the pieces, and again after its period, not before; absent frames count nothing."""
    noise = NoiseSpectrum(33)
    mask = torch.ones(1, 50, dtype=torch.bool)
    whole, _, _ = noise(mask, noise.initial_state(1))
    first, _, state = noise(mask[:, :13], noise.initial_state(1))
    rest, _, _ = noise(mask[:, 13:], state)
    assert torch.equal(torch.cat([first, rest], dim=1), whole)
    again, _, _ = noise(mask, torch.tensor([NOISE_LENGTH]))
    assert torch.equal(again, whole)
    numbers = torch.arange(NOISE_LENGTH)
    assert len(set((numbers * 7_577 % NOISE_LENGTH).tolist())) == NOISE_LENGTH
    _, _, state = noise(torch.tensor([[True, False, False]]), torch.tensor([4]))
    assert state.tolist() == [5]
