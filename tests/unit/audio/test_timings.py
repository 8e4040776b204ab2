"""Word times as JSON, SubRip and WebVTT."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssmphony.audio.timings import Timings
from ssmphony.types import AudioChunk, SsmphonyError, TimedSpan

TEXT = "नमस्ते <दुनिया>, फिर।"
WORDS = (
    TimedSpan("नमस्ते", 0.05, 0.5, 0, 6),
    TimedSpan("दुनिया", 0.5, 1.0004, 8, 14),
    TimedSpan("फिर", 3661.5, 3662.0, 17, 20),
)


def rendered(name: str) -> str:
    timings = Timings(Path(name), 24_000)
    timings.add(AudioChunk(np.zeros(24_000, np.float32), 24_000, 0.0, (TimedSpan("n", 0.0, 0.0500000001),), WORDS[:1]))
    timings.add(AudioChunk(np.zeros(12_000, np.float32), 24_000, 1.0, (), WORDS[1:]))
    return timings.render(TEXT)


def test_json():
    data = json.loads(rendered("t.json"))
    assert data["sample_rate"] == 24_000
    assert data["seconds"] == 1.5
    assert data["phonemes"] == [{"text": "n", "start_s": 0.0, "end_s": 0.05}]
    assert data["words"][0] == {"text": "नमस्ते", "start_s": 0.05, "end_s": 0.5, "start": 0, "end": 6}
    assert len(data["words"]) == 3


def test_srt():
    assert rendered("t.srt") == (
        "1\n00:00:00,050 --> 00:00:01,000\nनमस्ते <दुनिया>,\n\n2\n01:01:01,500 --> 01:01:02,000\nफिर।\n"
    )


def test_vtt():
    assert rendered("t.VTT") == (
        "WEBVTT\n\n00:00:00.050 --> 00:00:01.000\nनमस्ते <00:00:00.500>&lt;दुनिया&gt;,\n\n"
        "01:01:01.500 --> 01:01:02.000\nफिर।\n"
    )


def test_nothing_spoken():
    assert Timings(Path("t.srt"), 24_000).render("") == ""
    assert Timings(Path("t.vtt"), 24_000).render("") == "WEBVTT\n"


def test_unknown_ending():
    with pytest.raises(SsmphonyError, match=r"timings must end in .json, .srt or .vtt"):
        Timings(Path("t.txt"), 24_000)
