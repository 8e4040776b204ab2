"""The packages of the repository that read no text: they generate sounds, and copy recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.audio.resample import resample
from ssmphony.cli import app
from ssmphony.evaluation.metrics.fidelity import si_sdr
from ssmphony.voices.package import load

VOICES = Path(__file__).resolve().parents[2] / "voices"


def run(*command: str | Path) -> int:
    return app([str(part) for part in command], standalone_mode=False) or 0


def test_sashimi_generates_the_same_sounds_for_a_seed(tmp_path: Path) -> None:
    for folder, count in (("two", 2), ("one", 1)):
        options = ("--class", "सात", "--seconds", "0.1", "-n", str(count), "--seed", str(7 - count))
        assert run("generate", "--voice", VOICES / "sashimi", *options, "-o", tmp_path / folder) == 0
    second, rate = soundfile.read(tmp_path / "two" / "सात-6.wav", dtype="float32")
    alone, _ = soundfile.read(tmp_path / "one" / "सात-6.wav", dtype="float32")
    assert rate == 8_000
    np.testing.assert_array_equal(second, alone)
    assert np.abs(second).max() > 0


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


@pytest.mark.parametrize(
    ("name", "instead"),
    [("sashimi", "reads no text: use ssmphony generate"), ("s4d_autoencoder", "use ssmphony encode and decode")],
)
def test_text_cannot_be_spoken_with_them(
    name: str, instead: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("say", "नमस्ते", "--voice", VOICES / name, "-o", tmp_path / "a.wav") != 0
    assert not (tmp_path / "a.wav").exists()
    assert instead in capsys.readouterr().err
