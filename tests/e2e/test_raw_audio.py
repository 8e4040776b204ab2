"""The package of the repository that reads no text: it copies recordings."""

from __future__ import annotations

from pathlib import Path

import soundfile

from ssmphony.audio.resample import resample
from ssmphony.cli import app
from ssmphony.evaluation.metrics.fidelity import si_sdr
from ssmphony.voices.package import load

VOICES = Path(__file__).resolve().parents[2] / "voices"


def run(*command: str | Path) -> int:
    return app([str(part) for part in command], standalone_mode=False) or 0


def test_the_autoencoder_copies_speech(tmp_path: Path) -> None:
    spoken = load(None, threads=1).say("नमस्ते दुनिया")
    recording, frames, copy = (tmp_path / name for name in ("clip.wav", "frames.safetensors", "copy.wav"))
    soundfile.write(recording, spoken.samples, spoken.sample_rate, subtype="FLOAT")
    package = VOICES / "s4d_autoencoder"
    assert run("encode", recording, "-o", frames, "--voice", package) == 0
    assert run("decode", frames, "-o", copy, "--voice", package) == 0
    found, rate = soundfile.read(copy, dtype="float32")
    assert rate == 16_000
    wanted = resample(spoken.samples, spoken.sample_rate, rate)
    shortest = min(len(wanted), len(found))
    assert si_sdr(wanted[:shortest], found[:shortest]) > 3.0


def test_text_cannot_be_spoken_with_it(tmp_path: Path) -> None:
    assert run("say", "नमस्ते", "--voice", VOICES / "s4d_autoencoder", "-o", tmp_path / "a.wav") != 0
    assert not (tmp_path / "a.wav").exists()
