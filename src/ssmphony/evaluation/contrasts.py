"""Minimal pairs: whether it can be heard which of two words was said that differ in one phone.

Each word is spoken in a short sentence. A recogniser must choose between the two readings of that sentence, by their
log-likelihoods (CTC): the word is confused where the other one is likelier. The recogniser errs, too, so a figure
means something next to that of another speaker of the same pairs.

``contrasts.tsv``   what is contrasted<TAB>a word<TAB>one that differs from it in one phone
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ssmphony.alignment.ctc import log_likelihoods
from ssmphony.data.text_files import read_text
from ssmphony.evaluation.models.recogniser import SpeechRecogniser, base_language
from ssmphony.interfaces import Frontend
from ssmphony.types import Samples

PAIRS = Path(__file__).with_name("contrasts.tsv")
LANGUAGE = "hi"
CARRIERS = ("उसने {} लिखा।", "अब {} बोलो।")
"""Sentences that say nothing about the word; the pairs take them in turn."""


class Trial(NamedTuple):
    """A word in a sentence, and the same sentence with the other word of its pair."""

    contrast: str
    word: str
    other: str
    text: str
    other_text: str


def trials(language: str = LANGUAGE) -> list[Trial]:
    """Both words of every pair, one after the other; none for another language, a BCP 47 code."""
    if base_language(language) != LANGUAGE:
        return []
    found: list[Trial] = []
    for number, line in enumerate(read_text(PAIRS).splitlines()):
        contrast, first, second = line.split("\t")
        carrier = CARRIERS[number % len(CARRIERS)]
        for word, other in ((first, second), (second, first)):
            found.append(Trial(contrast, word, other, carrier.format(word), carrier.format(other)))
    return found


def margin(listener: SpeechRecogniser, samples: Samples, rate: int, frontend: Frontend, trial: Trial) -> float:
    """By how many nats the sentence is likelier in ``samples`` (n,) than the one with the other word; NaN where the
    sound is too short for both."""
    recognition = listener(samples, rate)
    alphabet = recognition.alphabet
    readings = [alphabet.phone_classes(frontend.whole(text).symbols) for text in (trial.text, trial.other_text)]
    said, other = log_likelihoods(recognition.phones, readings)
    return float(said - other)


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Contrast → how many words were spoken and how many confused, and which; ``all`` comes last.

    A row has ``contrast``, ``word``, ``other`` and ``margin``.
    """
    names = list(dict.fromkeys(row["contrast"] for row in rows))
    groups = {name: [row for row in rows if row["contrast"] == name] for name in names}
    return {name: _counted(group) for name, group in {**groups, "all": list(rows)}.items() if group}


def _counted(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    confused = [row for row in rows if not (row["margin"] is not None and row["margin"] > 0.0)]
    pairs = dict.fromkeys(f"{row['word']} → {row['other']}" for row in confused)
    return {"words": len(rows), "confused": len(confused), "pairs": list(pairs)}
