"""tools/misread.py tells a text that was spoken from one that was not."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from ssmphony.data.manifest import Clip
from ssmphony.evaluation.models.recogniser import Recognition
from ssmphony.text.hindi.frontend import HindiFrontend
from tests.unit.evaluation.models.test_recogniser import heard as heard_words

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools/misread.py"))
FRONTEND = HindiFrontend()
WRITTEN, SPOKEN = "पा लंबा है।", "पा लंबे हैं।"


@pytest.fixture
def heard() -> Recognition:
    """What was said."""
    return heard_words((FRONTEND.whole(SPOKEN).symbols,))


def clip(text: str) -> Clip:
    return Clip("a", "a.flac", 1.0, "who", "hi", text, FRONTEND.whole(text).symbols)


def test_doubt_is_of_the_text_that_was_not_spoken(heard: Recognition) -> None:
    assert TOOL["doubt"](heard, clip(WRITTEN)) > TOOL["doubt"](heard, clip(SPOKEN)) + 0.3


def test_a_correction_gains(heard: Recognition) -> None:
    assert TOOL["gain"](heard, clip(WRITTEN), SPOKEN) > 4
    assert TOOL["gain"](heard, clip(SPOKEN), WRITTEN) < -4


@pytest.mark.parametrize(("clip_id", "recording"), [("Page-012-b", "Page-012"), ("Page-012", "Page-012")])
def test_parts_of_a_page_belong_to_its_recording(clip_id: str, recording: str) -> None:
    assert TOOL["PART"].sub("", clip_id) == recording
