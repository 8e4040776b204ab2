"""`ssmphony encode` and `decode`: a recording to the frames of a codec and back, as copy synthesis does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.cli import app
from ssmphony.cli.codec import PIECE
from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.reference import load_reference, save_reference
from ssmphony.types import Reference


def run(*command: str | Path) -> int:
    return app([str(part) for part in command], standalone_mode=False) or 0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Longer than what is decoded at a time."""
    time = np.arange(3 * PIECE * 256) / 24_000
    sound = 0.3 * np.sin(2 * np.pi * 220 * time) * (1 + 0.3 * np.random.default_rng(0).standard_normal(len(time)))
    soundfile.write(tmp_path / "clip.wav", sound, 24_000, subtype="FLOAT")
    return tmp_path / "clip.wav"


def test_there_and_back_is_copy_synthesis(tiny_voice_folder: Path, recording: Path, tmp_path: Path) -> None:
    frames, copy, voice = tmp_path / "frames.safetensors", tmp_path / "copy.wav", str(tiny_voice_folder)
    assert run("encode", recording, "-o", frames, "--voice", voice) == 0
    assert run("decode", frames, "-o", copy, "--voice", voice) == 0
    samples, rate = soundfile.read(copy, dtype="float32")
    loaded = ssmphony.load(tiny_voice_folder, threads=1)
    given = soundfile.read(recording, dtype="float32")[0]
    assert loaded.encoder is not None
    expected = copy_synthesis(loaded.encoder, loaded.codec, given)
    assert rate == loaded.sample_rate
    assert len(samples) - len(given) in range(loaded.codec.grid.hop_length + 1)
    np.testing.assert_allclose(samples[: len(given)], expected.clip(-1, 1), atol=1e-3)
    assert len(load_reference(frames).arrays["frames"]) == 1 + len(given) // loaded.codec.grid.hop_length


def test_frames_of_another_voice_are_refused(
    tiny_voice_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = tmp_path / "frames.safetensors"
    save_reference(Reference({"frames": np.zeros((5, 3), np.int64)}), frames)
    assert run("decode", frames, "-o", tmp_path / "a.wav", "--voice", str(tiny_voice_folder)) == 1
    assert "not frames of this voice's codec" in capsys.readouterr().err
    assert not (tmp_path / "a.wav").exists()
