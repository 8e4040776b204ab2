"""References leave out what is measured, and are embedded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.evaluation.frechet.references import kept_references, spread


class Encoder:
    """Hears how long a clip is."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def encode(self, samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
        self.heard.append(len(samples))
        angle = len(samples) / 1000
        return np.full((len(samples) // 100, 3), angle, np.float32), np.array([np.cos(angle), np.sin(angle)])


def corpus(folder: Path, lengths: list[int]) -> list[Clip]:
    folder.mkdir()
    clips = [Clip(f"{n}", f"{n}.wav", n / 24_000, "a", "hi", "अ", ("^", "ə")) for n in lengths]
    for clip, length in zip(clips, lengths, strict=True):
        soundfile.write(folder / clip.audio, np.zeros(length), 24_000)
    write_manifest(folder, clips)
    return clips


def test_measured_clips_are_left_out_and_nothing_is_embedded_twice(tmp_path: Path) -> None:
    clips, encoder = corpus(tmp_path / "a", [100, 200, 300, 400]), Encoder()
    corpus(tmp_path / "b", [1000, 1100])
    arguments = (tmp_path / "a", clips[:1], [tmp_path / "b"], {"speaker": encoder}, tmp_path / "work")
    first = kept_references(*arguments)  # type: ignore[arg-type]
    assert set(encoder.heard) == {200, 300, 400, 1000, 1100}
    computed = len(encoder.heard)
    again = kept_references(*arguments)  # type: ignore[arg-type]
    assert len(encoder.heard) == computed
    assert [len(part) for part in again.features["speaker"]] == [2, 3, 4]
    for one, other in zip(first.features["speaker"], again.features["speaker"], strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.speaker == pytest.approx([np.cos(0.3), np.sin(0.3)], abs=1e-6)
    floors = again.floors()
    assert floors["b"]
    assert floors["b"].mean == pytest.approx(np.mean([np.cos(0.7), np.cos(0.8)]), abs=1e-6)
    assert floors["the speaker's other recordings"]


def test_where_all_is_measured_all_is_embedded(tmp_path: Path) -> None:
    clips, encoder = corpus(tmp_path / "a", [100, 200]), Encoder()
    kept_references(tmp_path / "a", clips, [], {"speaker": encoder}, tmp_path / "work")  # type: ignore[arg-type]
    assert set(encoder.heard) == {100, 200}


def test_spread_is_even() -> None:
    clips = [Clip(f"{n}", "", 1.0, "a", "hi") for n in range(11)]
    assert [clip.id for clip in spread(clips, 3)] == ["0", "5", "10"]
    assert spread(clips, 20) == clips
