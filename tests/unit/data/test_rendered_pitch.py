"""The pitch of rendered speech: a lead is found by the periods of the sound, and smaller errors are corrected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.arrays import Floats
from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.corpora.rendered_pitch import moved, pitch_lead, refined
from ssmphony.data.manifest import read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.data.prepared import read_pitch
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import Samples

RATE, HOP = 24_000, 300
TEXT = "मेरा नाम राम है।"


def gliding(hertz: Floats) -> Samples:
    """A sound of seven partials, of the pitch (value,), one value every `HOP` samples."""
    places = np.arange(len(hertz) * HOP) / HOP
    turns = np.cumsum(np.interp(places, np.arange(len(hertz)), hertz)) / RATE
    numbers = np.arange(1, 8)[:, None]
    return (np.sin(2 * np.pi * numbers * turns) / numbers / 4).sum(0).astype(np.float32)


def contour(seconds: float = 3.0) -> Floats:
    return (150 * 2 ** (0.3 * np.sin(2 * np.pi * 1.3 * np.arange(int(seconds * RATE / HOP)) * HOP / RATE))).astype(
        np.float32
    )


@pytest.mark.parametrize("lead", [0, 5, -3, 10])
def test_the_lead_is_measured(lead: int) -> None:
    true = contour()
    early = np.array(moved(true.tolist(), -lead), np.float32)
    assert pitch_lead([(gliding(true), early)], RATE, HOP) == lead


def test_a_level_pitch_a_short_one_and_noise_say_nothing() -> None:
    level = np.full(240, 150.0, np.float32)
    assert pitch_lead([(gliding(level), level)], RATE, HOP) == 0
    short = contour(0.5)
    assert pitch_lead([(gliding(short), np.roll(short, -5))], RATE, HOP) == 0
    noise = np.random.default_rng(0).normal(0, 0.1, 72_000).astype(np.float32)
    assert pitch_lead([(noise, contour())], RATE, HOP) == 0
    assert pitch_lead([], RATE, HOP) == 0


def test_the_pitch_is_that_of_the_sound() -> None:
    true = contour()
    given = (true * (1 + 0.02 * np.sin(np.arange(len(true)) / 20))).astype(np.float32)
    given[100:110] = 0
    found = refined(given, gliding(true), RATE, HOP)
    voiced = given[10:-10] > 0
    assert (found[10:-10] > 0).tolist() == voiced.tolist()
    assert np.abs(found / true - 1)[10:-10][voiced].max() < 0.008
    assert np.abs(given / true - 1)[10:-10][voiced].max() > 0.019


def test_a_pitch_that_the_sound_does_not_have_stays() -> None:
    true = contour()
    assert refined(true * 2, gliding(true), RATE, HOP).tolist() == (true * 2).tolist()
    silence = np.zeros(len(true) * HOP, np.float32)
    assert refined(true, silence, RATE, HOP).tolist() == true.tolist()
    assert not refined(np.zeros_like(true), gliding(true), RATE, HOP).any()


@pytest.mark.parametrize("lead", [0, 5])
def test_a_rendered_corpus_gets_its_pitch_in_place(tmp_path: Path, lead: int) -> None:
    true = contour()
    symbols = HindiFrontend().whole(TEXT).symbols[1:]
    edges = np.linspace(1_200, len(true) * HOP - 2_400, len(symbols) + 1).astype(int).tolist()
    row = {
        "id": "a",
        "speaker": "asha",
        "text": TEXT,
        "phones": list(zip(symbols, edges, edges[1:], strict=False)),
        "f0": moved(true.tolist(), -lead),
    }
    source = tmp_path / "in"
    (source / "wavs").mkdir(parents=True)
    soundfile.write(source / "wavs" / "a.flac", gliding(true), RATE)
    (source / "clips.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    prepare(Kokoro(texts=(source,)), tmp_path / "out")
    (clip,) = read_manifest(tmp_path / "out")
    pitch = read_pitch(tmp_path / "out", clip.id)
    assert pitch[20:200] == pytest.approx(true[20:200], rel=0.008)
