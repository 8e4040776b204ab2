"""A pitch that is ahead of its sound is found by the sound's own periods, and moved to its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ssmphony.arrays import Floats
from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.corpora.pitch_lead import moved, pitch_lead
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
    return (sum(np.sin(2 * np.pi * number * turns) / number for number in range(1, 8)) / 4).astype(np.float32)


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
    assert pitch[20:200] == pytest.approx(true[20:200], rel=1e-4)
