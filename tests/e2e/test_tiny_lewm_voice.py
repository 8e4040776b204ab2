"""A LeWM voice goes through the engine and the command line as every voice does: nothing there knows its kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from ssmphony.cli import app
from ssmphony.engine import Engine
from ssmphony.engine.job import StreamJob
from ssmphony.engine.probe import rows_of
from ssmphony.engine.slots import Slots
from ssmphony.types import SsmphonyError, Style
from ssmphony.voice import Voice
from ssmphony.voices import package

TEXTS = ("नमस्ते दुनिया।", "हाँ।", "आज मौसम अच्छा है! चलो।", "एक दो तीन चार पाँच छह।", "क्या?")


@pytest.fixture(scope="module")
def folder(lewm_voice: tuple[Voice, Path]) -> Path:
    return lewm_voice[1]


@pytest.fixture(scope="module")
def voice(folder: Path) -> Voice:
    return package.load(folder, threads=1)


def test_sentences_share_steps(voice: Voice) -> None:
    """Rows of the predictor and of the codec have the bits that they have alone."""
    assert rows_of(voice, 16) == 4


def test_a_sentence_longer_than_its_graphs_take_is_cut(voice: Voice) -> None:
    text = "नमस्ते दुनिया, " * 6
    assert len(text.encode()) > 2 * 96
    pieces = list(voice.frontend.sentences(text))
    assert max(map(len, pieces)) <= 96
    assert sum(len(piece.words) for piece in pieces) == 12
    assert len(voice.say(text).samples)


def test_streams_sound_as_they_do_alone_and_slots_are_refilled(voice: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten sentences in four slots of one worker: each takes the place of one that has ended."""
    sizes: list[int] = []
    refilled: list[int] = []
    step, fill = Slots.step, Slots._fill

    def counted(self: Slots, *arguments: Voice):
        sizes.append(sum(job is not None for job in self.jobs))
        return step(self, *arguments)

    def filled(self: Slots, slot: int, job: StreamJob) -> None:
        refilled.append(slot)
        fill(self, slot, job)

    monkeypatch.setattr(Slots, "step", counted)
    monkeypatch.setattr(Slots, "_fill", filled)
    with Engine(voice, workers=1, frames=16) as engine:
        streams = [engine.stream(text, style=Style(seed=i)) for i, text in enumerate(TEXTS * 2)]
        heard = [np.concatenate([chunk.samples for chunk in stream]) for stream in streams]
    for i, (text, samples) in enumerate(zip(TEXTS * 2, heard, strict=True)):
        np.testing.assert_array_equal(samples, voice.say(text, seed=i).samples)
    assert max(sizes) == 4, "no step was shared"
    assert refilled, "no slot was refilled while others went on"


def test_the_command_streams_it(folder: Path, voice: Voice, tmp_path: Path) -> None:
    target = tmp_path / "hello.wav"
    app(["say", "--voice", str(folder), "-o", str(target), "--speaker", "other", TEXTS[2]], standalone_mode=False)
    samples, rate = soundfile.read(target, dtype="int16")
    expected = voice.say(TEXTS[2], speaker="other").samples
    assert rate == voice.sample_rate
    np.testing.assert_allclose(samples / 32768, expected, atol=2 / 32768)
    assert len(list(voice.stream(TEXTS[2]))) > 3, "it comes in chunks"


def test_a_speed_it_cannot_speak_at_is_refused(folder: Path, voice: Voice, tmp_path: Path) -> None:
    target = tmp_path / "fast.wav"
    with pytest.raises(SsmphonyError, match="leave speed and pitch out"):
        voice.say(TEXTS[0], speed=1.5)
    with Engine(voice, workers=1) as engine, pytest.raises(SsmphonyError, match="speed and pitch that it learned"):
        engine.open(style=Style(pitch_semitones=2.0))
    result = CliRunner().invoke(app, ["say", "--voice", str(folder), "-o", str(target), "--speed", "1.5", TEXTS[0]])
    assert result.exit_code == 1
    assert "leave speed and pitch out" in result.output
    assert not target.exists()
