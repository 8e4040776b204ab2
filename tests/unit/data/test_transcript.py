"""Symbols follow the recording: audible pauses, words where the aligner has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.reader import Spoken
from ssmphony.data.pages import locate
from ssmphony.data.transcript import Timing, render_timing, text_timing, time_every_token, transcribe
from ssmphony.text.hindi.frontend import HindiFrontend
from tests.unit.data.corpora import RATE, phrase

FRONTEND = HindiFrontend()


def speak(text: str, times: list[tuple[str, float, float]], samples: np.ndarray):
    timing = text_timing(text, times, samples, RATE, FRONTEND)
    spans = ["".join(timing.symbols[first:stop]) for first, stop, _, _ in timing.anchors]
    return timing, spans


def test_sentences_become_one_with_a_single_beginning() -> None:
    transcript = transcribe("राम आया। मोहन गया?", FRONTEND)
    assert transcript.symbols.count("^") == 1
    assert transcript.symbols[0] == "^"
    assert [symbol for symbol in transcript.symbols if symbol in ".?!,"] == [".", "?"]
    for word in transcript.words:
        assert "राम आया। मोहन गया?"[word.start : word.end].strip("।?") == word.text.strip("।?")
        assert not set(transcript.symbols[word.first : word.stop]) & set("^.?!,")


@pytest.mark.parametrize("text", ["", " ", "।", "…", "🙂"])
def test_nothing_to_speak_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match="nothing to speak"):
        transcribe(text, FRONTEND)


def test_a_pause_without_comma_gets_one_and_a_comma_without_pause_goes() -> None:
    samples = phrase(-0.05, 0.5, -0.3, 0.5, 0.5, -0.05)
    times = [("राम", 0.0, 0.6), ("आया,", 0.6, 1.35), ("मोहन", 1.35, 1.9)]
    timing, spans = speak("राम आया, मोहन", times, samples)
    assert spans == ["ɾaːm", "aːjaː", "moːɦən"]
    assert "".join(timing.symbols) == "^ɾaːm,aːjaːmoːɦən."
    (_, _, start, end), (_, _, start_2, end_2), (_, _, start_3, end_3) = timing.anchors
    assert [start, end, start_2] == pytest.approx([0.05, 0.55, 0.85], abs=0.021)
    assert end_2 == start_3 == pytest.approx(1.35)
    assert end_3 == pytest.approx(1.85, abs=0.06)
    assert ["".join(timing.symbols[a:b]) for a, b in timing.words] == spans


def test_a_comma_with_its_pause_stays_and_a_closing_mark_stays_anyway() -> None:
    samples = phrase(-0.05, 0.5, -0.2, 1.0, -0.05)
    times = [("राम,", 0.0, 0.75), ("आया।", 0.75, 1.25), ("मोहन", 1.25, 1.8)]
    timing, spans = speak("राम, आया। मोहन", times, samples)
    assert "".join(timing.symbols) == "^ɾaːm,aːjaː.moːɦən."
    assert spans == ["ɾaːm", "aːjaː", "moːɦən"]
    assert timing.anchors[2][2] - timing.anchors[1][3] >= 256 / 24_000  # one frame for the full stop


def test_word_times_that_are_not_those_of_the_text_are_left_out() -> None:
    samples = phrase(-0.05, 1.0, -0.05)
    for times in (
        [("राम", 0.0, 0.5)],
        [("श्याम", 0.0, 0.5), ("आया", 0.5, 1.0)],
        [("राम", 0, 1), ("आया", 1, 1), ("वह", 1, 1)],
    ):
        timing, _ = speak("राम आया", times, samples)
        assert timing.anchors == ()
        assert "".join(timing.symbols) == "^ɾaːmaːjaː."


def test_aligners_may_join_words_and_carry_quotation_marks() -> None:
    text = "“ माँ, चू चू! ” उसने कहा।"
    times = [("“\xa0माँ,", 0, 1), ("चू चू! ”", 1, 2), ("उसने", 2, 3), ("कहा।", 3, 4)]
    spans = locate(text, times)
    assert spans is not None
    assert [text[first:stop] for first, stop in spans] == ["“ माँ,", "चू चू! ”", "उसने", "कहा।"]


def test_rendered_phones_tile_the_clip() -> None:
    spoken = Spoken(("^", "aː", "."), ((1, 2),), ((0.0, 0.2), (0.2, 0.7), (0.7, 1.0)))
    timing = render_timing(spoken, seconds=0.8, offset_s=0.1)
    assert timing.anchors == ((0, 1, 0.0, 0.1), (1, 2, 0.1, 0.6), (2, 3, 0.6, 0.8))


def at(places: dict[int, float]) -> Callable[..., np.ndarray]:
    """A recogniser that finds the n-th phone at ``places[n]``."""

    def middles_of(samples: np.ndarray, rate: int, symbols: Sequence[str]) -> np.ndarray:
        sounding = [token for token, symbol in enumerate(symbols) if symbol not in "^,.?!"]
        middles = np.full(len(symbols), np.nan)
        middles[sounding] = [places[number] for number in range(len(sounding))]
        return middles

    return middles_of


def plain(text: str) -> Timing:
    return text_timing(text, None, np.zeros(RATE, np.float32), RATE, FRONTEND)


def test_each_symbol_gets_a_time_without_gaps() -> None:
    samples = phrase(-0.1, 0.6, -0.1)
    found = time_every_token(plain("राम"), samples, RATE, ",", at({0: 0.2, 1: 0.4, 2: 0.6}))
    assert found.symbols == ("^", "ɾ", "aː", "m", ".")
    times = [time for first, stop, *time in found.anchors if stop == first + 1]
    assert [start for start, _ in times] == pytest.approx([0.0, 0.1, 0.3, 0.5, 0.7], abs=0.011)
    assert [end for _, end in times] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.8], abs=0.011)


def test_pauses_follow_the_recording_where_only_phones_have_times() -> None:
    """The comma without a pause goes, and the silence that has no comma gets one, as long as it is."""
    samples = phrase(-0.05, 0.5, -0.3, 0.5, 0.5, -0.05)
    middles = {0: 0.1, 1: 0.3, 2: 0.5, 3: 0.9, 4: 1.1, 5: 1.3, 6: 1.4, 7: 1.5, 8: 1.6, 9: 1.7, 10: 1.8}
    found = time_every_token(plain("राम आया, मोहन"), samples, RATE, ",", at(middles))
    assert "".join(found.symbols) == "^ɾaːm,aːjaːmoːɦən."
    assert found.anchors[4][2:] == pytest.approx((0.55, 0.85), abs=0.011)
    assert ["".join(found.symbols[first:stop]) for first, stop in found.words] == ["ɾaːm", "aːjaː", "moːɦən"]
    edges = [start for *_, start, _ in found.anchors] + [found.anchors[-1][3]]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0.0, pytest.approx(len(samples) / RATE, abs=1e-4))


def test_known_times_of_words_hold_their_phones() -> None:
    samples = phrase(-0.05, 0.5, -0.3, 0.5, -0.05)
    timing = text_timing("राम आया", [("राम", 0.0, 0.6), ("आया", 0.85, 1.35)], samples, RATE, FRONTEND)
    wrong = {0: 0.1, 1: 0.3, 2: 0.9, 3: 1.0, 4: 1.1, 5: 1.3}  # the end of the first word in the second
    found = time_every_token(timing, samples, RATE, ",", at(wrong))
    word, end = timing.words[0], timing.anchors[0][3]
    assert found.anchors[word[1] - 1][3] == pytest.approx(end, abs=1e-4)
    assert found.symbols == timing.symbols


@pytest.mark.parametrize("problem", ["too short", "no phones"])
def test_phones_that_cannot_be_found_are_rejected(problem: str) -> None:
    def middles_of(samples: np.ndarray, rate: int, symbols: Sequence[str]) -> np.ndarray:
        if problem == "too short":
            raise ValueError("3 steps are too few for 4 classes")
        return np.full(len(symbols), np.nan)

    with pytest.raises(Rejected, match="phones cannot be found"):
        time_every_token(plain("राम"), phrase(0.5), RATE, ",", middles_of)
