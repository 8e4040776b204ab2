"""Minimal pairs: what they differ in, and which word a listener takes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from ssmphony.alignment.recogniser import alphabet_of
from ssmphony.evaluation import contrasts
from ssmphony.evaluation.models.recogniser import Recognition
from ssmphony.text.registry import DEFAULT, build_frontend

FRONTEND = build_frontend({"kind": DEFAULT}, "test")
TRIALS = contrasts.trials()


def said(text: str) -> tuple[str, ...]:
    return FRONTEND.whole(text).symbols


class Listener:
    """Hears the phones of one sentence, a blank after each."""

    def __init__(self, text: str) -> None:
        self.alphabet = alphabet_of()
        self.heard = [step for phone in self.alphabet.phone_classes(said(text)) for step in (phone, 0)]

    def __call__(self, samples: Any, rate: int) -> Recognition:
        scores = np.full((len(self.heard), 1 + len(self.alphabet.phones)), -6.0, np.float32)
        scores[np.arange(len(self.heard)), self.heard] = -0.2
        return Recognition(scores, scores, 0.02, self.alphabet)


def margin(heard: str, trial: contrasts.Trial) -> float:
    listener = cast("Any", Listener(heard))
    return contrasts.margin(listener, np.zeros(100, np.float32), 24_000, FRONTEND, trial)


def test_words_of_a_pair_differ_in_one_phone_of_the_kind_that_is_contrasted() -> None:
    phones: dict[str, set[frozenset[str]]] = {}
    for trial in TRIALS:
        first, second = said(trial.text), said(trial.other_text)
        different = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
        assert len(different) == 1, f"{trial.word} and {trial.other}: {different}"
        phones.setdefault(trial.contrast, set()).add(frozenset(different[0]))
    assert phones["dʒ and z"] == {frozenset({"dʒ", "z"})}
    assert phones["flap and tap"] == {frozenset({"ɽ", "ɾ"})}
    assert frozenset({"t̪", "ʈ"}) in phones["dental and retroflex"]
    assert frozenset({"ʊ", "uː"}) in phones["vowel length"]
    assert all(len({"ʱ" in phone or "ʰ" in phone for phone in pair}) == 2 for pair in phones["aspiration"])


def test_each_word_is_said_once_in_each_direction() -> None:
    assert len({(trial.contrast, trial.word, trial.other) for trial in TRIALS}) == len(TRIALS) == 144
    assert all((trial.contrast, trial.other, trial.word) in {t[:3] for t in TRIALS} for trial in TRIALS)
    assert contrasts.trials("hi-IN") == TRIALS
    assert contrasts.trials("en") == []


@pytest.mark.parametrize("trial", TRIALS[::29])
def test_the_listener_takes_the_word_that_it_hears(trial: contrasts.Trial) -> None:
    assert margin(trial.text, trial) > 1.0
    assert margin(trial.other_text, trial) < -1.0


def rows_of(count: int, speaker: str = "a") -> list[dict[str, Any]]:
    return [{**trial._asdict(), "margin": 2.0, "speaker": speaker} for trial in TRIALS[:count]]


def test_a_recogniser_that_prefers_one_word_still_tells_the_pair_apart() -> None:
    rows = rows_of(6)
    rows[0]["margin"], rows[1]["margin"] = -3.0, 5.0  # it takes either clip for the second word, this one rather
    rows[2]["margin"], rows[3]["margin"] = 3.0, -5.0
    found = contrasts.summary(rows)
    assert (found["all"]["pairs"], found["all"]["confused"]) == (3, 1)
    assert found["all"]["which"] == [" / ".join(sorted(TRIALS[2][1:3]))]


def test_confusions_are_counted_by_kind_and_speaker() -> None:
    rows = rows_of(25) + rows_of(24, "b")
    rows[1]["margin"], rows[26]["margin"] = float("nan"), None  # what cannot be judged is not heard
    found = contrasts.summary(rows)
    assert list(found) == [TRIALS[0].contrast, TRIALS[24].contrast, "all"]
    assert found[TRIALS[24].contrast]["pairs"] == 0  # its second word is missing
    assert (found["all"]["pairs"], found["all"]["confused"], len(found["all"]["which"])) == (24, 2, 1)
    assert contrasts.summary([]) == {}
