"""A corpus is prepared, a tiny voice is trained on it, exported and used: the whole path, by its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ssmphony
from ssmphony.cli import app
from ssmphony.text import FRONTENDS

ROOT = Path(__file__).resolve().parents[2]
RATE = 24_000
TEXTS = (
    "मेरा नाम राम है।",
    "नमस्ते दुनिया।",
    "आज मौसम अच्छा है।",
    "राम आम खाता है।",
    "दुनिया का नाम।",
    "मेरा आम अच्छा है।",
    "आज राम नमस्ते कहता है।",
    "वह मेरा नाम कहता है।",
)
FRAMES = 8
"""What each phoneme lasts."""


def spoken(text: str) -> np.ndarray:
    """Each phoneme as a sound of its own: a chord for vowels, noise in a band for consonants."""
    random = np.random.default_rng(0)
    parts = []
    for sentence in FRONTENDS["hindi"]().build().sentences(text):
        for symbol, token in zip(sentence.symbols, sentence.ids, strict=True):
            time = np.arange(FRAMES * 256) / RATE
            if symbol in "^,.?!":
                parts.append(1e-4 * random.standard_normal(len(time)))
            elif symbol[0] in "əaɪiʊueɛoɔæãõ":
                parts.append(0.2 * np.sin(2 * np.pi * 140 * time) + 0.2 * np.sin(2 * np.pi * (300 + 80 * token) * time))
            else:
                carrier = np.sin(2 * np.pi * (1000 + 100 * token) * time)
                parts.append(0.1 * carrier * random.standard_normal(len(time)))
    return np.concatenate(parts).astype(np.float32)


def run(*command: str | Path) -> None:
    """One command of ours; in this process, so that PyTorch is imported once."""
    app([str(part) for part in command], standalone_mode=False)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported voice, from nothing but recordings and their texts."""
    home = tmp_path_factory.mktemp("whole_path")
    corpus = home / "corpus" / "tiny"
    corpus.mkdir(parents=True)
    for number, text in enumerate(TEXTS):
        soundfile.write(corpus / f"{number}.wav", spoken(text), RATE)
        (corpus / f"{number}.txt").write_text(text, encoding="utf-8")
    prepared, acoustic, vocoder, voice = home / "prepared", home / "acoustic", home / "vocoder", home / "voice"
    run("prepare", "folder", corpus.parent, "-o", prepared, "--workers", "1")
    common = ("--set", "run.accelerator=cpu", "--set", "run.threads=1", "--set", "run.progress=false")
    corpora = f"[{{path: {prepared}}}]"
    run(
        "train", ROOT / "configs/tiny/s4_acoustic.yaml", *common, "--set", f"run.out={acoustic}",
        "--set", f"task.corpora={corpora}", "--set", f"task.validation={corpora}",
    )  # fmt: skip
    mels = home / "mels"
    run(
        "distill", ROOT / "configs/tiny/s4_acoustic.yaml", "--init", acoustic, "-o", mels,
        "--set", f"task.corpora={corpora}", "--set", f"task.validation={corpora}",
    )  # fmt: skip
    sources = f"[{{path: {prepared}}}, {{path: {prepared}, mels: {mels / prepared.name}}}]"
    run(
        "train", ROOT / "configs/tiny/mel_vocoder.yaml", *common, "--set", f"run.out={vocoder}",
        "--set", f"task.sources={sources}", "--set", f"task.validation={prepared}",
    )  # fmt: skip
    card = home / "card.yaml"
    card.write_text("{name: tiny, language: hi, licence: CC0-1.0, attribution: nobody}\n", encoding="utf-8")
    run("export", acoustic, voice, "--codec", vocoder, "--card", card)
    return voice


def test_trained_voice_speaks(voice: Path, tmp_path: Path) -> None:
    """By the command, in a process that never loads PyTorch."""
    target = tmp_path / "hello.wav"
    code = (
        "import sys; from ssmphony.cli import app; app(sys.argv[1:], standalone_mode=False); "
        "assert not {'torch', 'lightning', 'onnx'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "say", "--voice", str(voice), "-o", str(target), TEXTS[0]],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(target, dtype="float32")
    assert rate == RATE
    check_speech(samples, TEXTS[0])


def test_trained_voice_learnt_lengths_and_levels(voice: Path) -> None:
    loaded = ssmphony.load(voice)
    assert loaded.card.attribution == "nobody"
    for text in TEXTS:
        check_speech(loaded.say(text).samples, text)


def check_speech(samples: np.ndarray, text: str) -> None:
    """About as long and as loud as the recording, and quiet where it ends."""
    expected = spoken(text)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0
    assert 0.6 < len(samples) / len(expected) < 1.6
    assert 0.2 < rms(samples) / rms(expected) < 5.0
    assert rms(samples[-2 * 256 :]) < 0.5 * rms(samples)


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))
