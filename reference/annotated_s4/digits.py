"""The spoken digits as arrays: files named ``digit_speaker_take.wav``, 8 kHz, as in the Free Spoken Digit Dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 8000
Samples = npt.NDArray[np.float64]


class Clip(NamedTuple):
    digit: int
    speaker: str
    take: int
    samples: Samples


def read_digits(folder: Path) -> tuple[list[Clip], list[Clip]]:
    """Training and test clips; the data set's own split: takes 0 to 4 of each speaker and digit are for the test."""
    clips = []
    for path in sorted(folder.glob("*_*_*.wav")):
        samples, rate = soundfile.read(path)
        if rate != RATE:
            sys.exit(f"{path}: {rate} Hz; expected {RATE} Hz")
        digit, speaker, take = path.stem.split("_")
        clips.append(Clip(int(digit), speaker, int(take), samples / (np.abs(samples).max() + 1e-9)))
    if not clips:
        sys.exit(
            f"{folder}: no files digit_speaker_take.wav; get the Free Spoken Digit Dataset and name its recordings"
        )
    return [clip for clip in clips if clip.take >= 5], [clip for clip in clips if clip.take < 5]


def log_bands(samples: Samples, frames: int, window: int = 256, hop: int = 64, bands: int = 32) -> Samples:
    """Log energies of equal bands, (frames, bands); silence (-8) after the end, cut off beyond ``frames``."""
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    cut = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:frames]
    power = np.abs(np.fft.rfft(cut * np.hanning(window))[:, : window // 2]) ** 2
    energy = np.log(power.reshape(len(cut), bands, -1).mean(-1) + np.exp(-8.0))
    return np.pad(energy, ((0, frames - len(cut)), (0, 0)), constant_values=-8.0)


def halve(samples: Samples) -> Samples:
    """Every second sample, after a low-pass filter at a quarter of the rate (63 taps, windowed sinc)."""
    taps = np.arange(-31, 32)
    filtered = np.convolve(samples, 0.5 * np.sinc(taps / 2) * np.hamming(63), mode="same")
    return filtered[::2]


def mu_law(samples: Samples, levels: int) -> npt.NDArray[np.int64]:
    """Samples in [-1, 1] → codes in [0, levels): fine steps near zero, where speech mostly is."""
    bent = np.sign(samples) * np.log1p(255 * np.abs(np.clip(samples, -1, 1))) / np.log(256)
    return np.clip(((bent + 1) / 2 * levels).astype(np.int64), 0, levels - 1)


def from_mu_law(codes: npt.NDArray[np.int64], levels: int) -> Samples:
    bent = (codes + 0.5) / levels * 2 - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log(256)) / 255
