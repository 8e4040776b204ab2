"""Crops of sound with the frames and the pitch that belong to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.types import MelFormat, SsmphonyError
from tests.unit.training.corpus import HOP, RATE, write_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "tiny", clips=3)


def test_pitch_is_that_of_the_sound(corpus: Path) -> None:
    crops = AudioCrops([CropSource(path=str(corpus))], 64, pitch=0.0).batch(0, 6)
    assert set(np.unique(crops.pitch)) == {np.float32(0.0), np.float32(120.0)}
    for samples, pitch in zip(crops.samples, crops.pitch, strict=True):
        for frame in (i for i in range(4, 60) if (pitch[i - 4 : i + 4] > 0).all()):
            part = samples[frame * HOP - 512 : frame * HOP + 512]
            power = np.abs(np.fft.rfft(part * np.hanning(1024), 8192)) ** 2
            hertz = np.fft.rfftfreq(8192, 1 / RATE)
            lowest = (hertz > 90) & (hertz < 150)
            assert abs(hertz[lowest][power[lowest].argmax()] - 120.0) < 12.0


def test_without_pitch_none_is_read(corpus: Path) -> None:
    for path in (corpus / "f0").iterdir():
        path.unlink()
    sources = [CropSource(path=str(corpus))]
    assert not AudioCrops(sources, 32).batch(0, 2).pitch.any()
    with pytest.raises(SsmphonyError, match=r"clip-0\.npy is missing: prepare the corpus again"):
        AudioCrops(sources, 32, pitch=0.0).batch(0, 2)


def test_made_frames_follow_the_crop_and_its_loudness(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mels").mkdir()
    for path in (corpus / "f0").glob("*.npy"):
        ramp = np.arange(len(np.load(path)), dtype=np.float32)
        np.save(tmp_path / "mels" / path.name, np.tile(ramp[:, None], (1, 100)))
    crops = AudioCrops([CropSource(path=str(corpus), mels=str(tmp_path / "mels"))], 32, seed=3).batch(1, 4)
    assert crops.made.all()
    assert crops.frames.shape == (4, 32, 100)
    for frames in crops.frames:
        real = frames[:, 0] > np.log(MelFormat().log_floor) + 1
        np.testing.assert_allclose(np.diff(frames[real, 0]), 1.0, atol=1e-4)
