"""The models' mel spectrogram compared with that of `transformers`, which follows librosa."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.models.slaney import decibels, filterbank, mel_power

audio_utils = pytest.importorskip("transformers.audio_utils")


@pytest.mark.parametrize(("n_fft", "n_mels"), [(400, 40), (321, 120)])
def test_filters_are_those_of_librosa(n_fft: int, n_mels: int) -> None:
    theirs = audio_utils.mel_filter_bank(1 + n_fft // 2, n_mels, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    if n_fft % 2 == 0:  # for odd sizes theirs spreads its bins up to half the rate, where librosa's stop short of it
        np.testing.assert_allclose(filterbank(16_000, n_fft, n_mels), theirs, atol=1e-9)
    areas = filterbank(16_000, 4096, n_mels).sum(axis=0) * 16_000 / 4096
    np.testing.assert_allclose(areas, 1.0, atol=0.1)


def test_frames_are_those_of_librosa() -> None:
    sound = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    bank = filterbank(16_000, 400, 40)
    theirs = audio_utils.spectrogram(
        sound,
        audio_utils.window_function(400, "hann"),
        400,
        160,
        power=2.0,
        pad_mode="constant",
        mel_filters=bank,
        mel_floor=1e-10,
    )
    ours = mel_power(sound, 16_000, 400, 160, 40)
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(decibels(ours), audio_utils.power_to_db(ours, ours.max(), 1e-10, 80.0), atol=1e-6)
