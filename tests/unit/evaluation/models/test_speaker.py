"""The speaker encoder tells a voice from a voice; its windows and its errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmphony.evaluation.models import speaker
from ssmphony.types import Samples, SsmphonyError

installed = pytest.mark.skipif(speaker.find_weights() is None, reason="resemblyzer is not installed")


def voice(pitch: float, formants: tuple[float, ...], seconds: float = 3.0, seed: int = 0) -> Samples:
    """Harmonics under resonances, loud and soft in turn as syllables are."""
    time = np.arange(round(24_000 * seconds)) / 24_000
    syllables = np.abs(np.sin(np.pi * 3.3 * time + seed))
    partials = np.arange(1, int(7000 / pitch)) * pitch
    gains = sum(1 / (1 + ((partials - f) / 120) ** 2) for f in formants)
    wobble = 2 * np.pi * np.cumsum(1 + 0.05 * np.sin(2 * np.pi * (0.7 + 0.2 * seed) * time)) / 24_000
    sound = sum(gain * np.sin(f * wobble) for f, gain in zip(partials, gains, strict=True))
    return (0.3 * syllables * sound / np.abs(sound).max()).astype(np.float32)


def test_windows() -> None:
    windows = speaker.heard_windows(voice(120, (600, 1100)), 24_000, step=40)
    assert windows.shape == (1 + (301 - 160) // 40, 160, 40)
    assert len(speaker.heard_windows(voice(120, (600, 1100), 0.4), 24_000, 40)) >= 1
    with pytest.raises(ValueError, match="nobody"):
        speaker.heard_windows(np.zeros(0, np.float32), 24_000, 40)


def test_pauses_are_cut_out() -> None:
    tone = np.sin(np.arange(16_000) / 10).astype(np.float32)
    with_pause = np.concatenate([tone, np.zeros(16_000, np.float32), tone])
    assert len(speaker.without_pauses(with_pause, 16_000)) == pytest.approx(32_000 + 1600, abs=800)


def test_without_weights_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(SsmphonyError, match="not the speaker encoder's weights"):
        speaker.SpeakerEncoder(tmp_path / "broken.pt")
    monkeypatch.setattr(speaker, "find_weights", lambda: None)
    with pytest.raises(SsmphonyError, match="pip install --no-deps resemblyzer"):
        speaker.SpeakerEncoder()


@installed
def test_a_voice_is_nearer_to_itself_than_to_another() -> None:
    encoder = speaker.SpeakerEncoder()
    low, again, high = (
        encoder.encode(sound, 24_000)[1]
        for sound in (voice(110, (500, 1000)), voice(110, (500, 1000), seed=1), voice(260, (800, 1700)))
    )
    assert np.linalg.norm(low) == pytest.approx(1.0, abs=1e-5)
    assert speaker.similarity(low, low) == pytest.approx(1.0, abs=1e-6)
    assert speaker.similarity(low, again) > speaker.similarity(low, high) + 0.1


@installed
def test_level_does_not_matter() -> None:
    encoder, sound = speaker.SpeakerEncoder(), 0.05 * voice(150, (600, 1200))
    (features, a), (_, b) = encoder.encode(sound, 24_000), encoder.encode(0.1 * sound, 24_000)
    assert features.shape[1] == 256
    assert speaker.similarity(a, b) > 0.999
