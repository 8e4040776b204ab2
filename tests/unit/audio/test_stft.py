"""The streaming inverse STFT: exact reconstruction, its PyTorch twin, frames that are absent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.audio.stft import InverseStft
from ssmphony.codecs import mel_vocoder
from ssmphony.types import Samples

HOP = 256
LOOKAHEAD = 2
Spectrum = tuple[Samples, Samples]


def random_frames(batch: int, time: int, seed: int = 0) -> Spectrum:
    """Log magnitude and phase, the latter far outside one turn."""
    random = np.random.default_rng(seed)
    shape = (batch, time, 513)
    return random.normal(0, 1, shape).astype(np.float32), random.normal(0, 9, shape).astype(np.float32)


def invert(frames: Spectrum, mask: np.ndarray, cuts: tuple[int, ...] = ()) -> Samples:
    """Everything that is returned, the first ``LOOKAHEAD`` hops included, fed in pieces."""
    inverse = InverseStft(1024, 256)
    state = inverse.initial_state(len(mask))
    parts: list[Samples] = []
    for first, stop in zip((0, *cuts), (*cuts, mask.shape[1]), strict=True):
        piece = slice(first, stop)
        samples, state = inverse.polar(frames[0][:, piece], frames[1][:, piece], mask[:, piece], state)
        parts.append(samples)
    return np.concatenate(parts, axis=1)


def followed(frames: Spectrum) -> tuple[Spectrum, np.ndarray]:
    """With the absent frames of the lookahead after them."""
    batch, time, _ = frames[0].shape
    padded = tuple(np.pad(part, ((0, 0), (0, LOOKAHEAD), (0, 0)), constant_values=3.0) for part in frames)
    return (padded[0], padded[1]), np.broadcast_to(np.arange(time + LOOKAHEAD) < time, (batch, time + LOOKAHEAD))


def test_the_stft_is_inverted() -> None:
    sound = np.random.default_rng(0).normal(0, 0.3, 20 * HOP).astype(np.float32)
    spectrum = torch.stft(
        torch.from_numpy(sound), 1024, HOP, window=torch.hann_window(1024), return_complex=True, pad_mode="constant"
    ).mT[None]
    log_magnitude = spectrum.abs().clamp(min=1e-12).log().numpy()
    frames, mask = followed((log_magnitude, spectrum.angle().numpy()))
    samples = invert(frames, mask)[0, LOOKAHEAD * HOP :]
    np.testing.assert_allclose(samples[: 20 * HOP], sound, atol=1e-5)


def test_any_spectrum_equals_the_offline_inverse() -> None:
    """Consistent or not: `torch.istft` divides by the same envelope."""
    frames = random_frames(2, 12)
    spectrum = torch.polar(torch.from_numpy(frames[0]).exp(), torch.from_numpy(frames[1]))
    expected = torch.istft(spectrum.mT, 1024, HOP, window=torch.hann_window(1024)).numpy()
    samples = invert(*followed(frames))[:, LOOKAHEAD * HOP :]
    assert samples.shape == (2, 12 * HOP)
    np.testing.assert_allclose(samples[:, : 11 * HOP], expected, atol=1e-4)


@given(st.sets(st.integers(1, 13), max_size=8), st.lists(st.integers(0, 14), min_size=2, max_size=2))
def test_pieces_and_padding_equal_pytorch(cuts: set[int], lengths: list[int]) -> None:
    """The twin in the codec, in one shot; magnitudes above 100 are clipped by both."""
    codec = mel_vocoder.MelVocoderConfig(dim=4, intermediate=4, n_layers=1).build()
    log_magnitude, phase = random_frames(2, 14)
    log_magnitude[:, 3, 7] = 9.0
    mask = np.arange(14) < np.array(lengths)[:, None]
    state = codec.initial_state(2)
    spectrum = mel_vocoder.Spectrum(*(torch.from_numpy(part) for part in (log_magnitude, phase, mask)), pitch=None)
    expected, _, _ = codec.inverse_stft(spectrum, state.segments, state.segment_mask)
    samples = invert((log_magnitude, phase), mask, tuple(sorted(cuts)))
    for row, length in enumerate(lengths):  # the audible hops: those of frames that exist
        heard = slice(LOOKAHEAD * HOP, (min(length, 14 - LOOKAHEAD) + LOOKAHEAD) * HOP)
        np.testing.assert_allclose(samples[row, heard], expected[row, heard], atol=1e-4)


def test_real_and_imaginary_parts_are_the_same_spectra() -> None:
    """Of frames that exist and of others, whatever stands there."""
    inverse, mask = InverseStft(1024, 256), np.arange(9) < np.array([[9], [4]])
    log_magnitude, phase = random_frames(2, 9)
    expected, state = inverse.polar(log_magnitude, phase, mask, inverse.initial_state(2))
    real, imaginary = np.exp(log_magnitude) * np.cos(phase), np.exp(log_magnitude) * np.sin(phase)
    samples, other = inverse.cartesian(real, imaginary, mask, inverse.initial_state(2))
    np.testing.assert_allclose(samples, expected, atol=1e-4)
    np.testing.assert_allclose(other.segments, state.segments, atol=1e-4)


def test_the_state_is_left_as_it_was() -> None:
    inverse = InverseStft(1024, 256)
    frames, mask = random_frames(1, 5), np.ones((1, 5), np.bool_)
    _, state = inverse.polar(*frames, mask, inverse.initial_state(1))
    before = [part.copy() for part in state]
    first, _ = inverse.polar(*frames, mask, state)
    again, _ = inverse.polar(*frames, mask, state)
    np.testing.assert_array_equal(first, again)
    for part, copy in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, copy)


@pytest.mark.parametrize("hop", [512, 128])
def test_other_overlaps(hop: int) -> None:
    inverse = InverseStft(1024, hop)
    frames = random_frames(1, 9)
    lookahead = 512 // hop
    padded = [np.pad(part, ((0, 0), (0, lookahead), (0, 0))) for part in frames]
    samples, _ = inverse.polar(padded[0], padded[1], np.arange(9 + lookahead)[None] < 9, inverse.initial_state(1))
    spectrum = torch.polar(torch.from_numpy(frames[0]).exp(), torch.from_numpy(frames[1]))
    expected = torch.istft(spectrum.mT, 1024, hop, window=torch.hann_window(1024)).numpy()
    np.testing.assert_allclose(samples[:, lookahead * hop :][:, : 8 * hop], expected, atol=1e-4)
