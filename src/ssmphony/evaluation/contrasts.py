"""Minimal pairs: whether it can be heard which of two words was said that differ in one phone.

Both words are spoken in the same short sentence, and a recogniser says which clip is which: the pair is confused where
its log-likelihoods (CTC) are higher when the two readings are exchanged. With both clips in sight it does not matter
which of the words the recogniser prefers: it takes most nasal vowels for oral ones, and dental for retroflex. It errs,
too, so a figure means something next to that of another speaker of the same pairs. By chance half are confused.

``contrasts.tsv``   what is contrasted<TAB>a word<TAB>one that differs from it in one phone
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

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
    """Contrast → how many pairs were spoken and how many confused, and which; ``all`` comes last.

    A row has ``contrast``, ``word``, ``other`` and ``margin``, and ``speaker`` where there are several; a pair of which
    one word is missing is left out.
    """
    pairs: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for row in rows:
        name = " / ".join(sorted((row["word"], row["other"])))
        known = pairs.setdefault((row["contrast"], name), {}).setdefault(row.get("speaker", ""), {})
        known[row["word"]] = np.nan if row["margin"] is None else row["margin"]
    names = list(dict.fromkeys(contrast for contrast, _ in pairs))
    found = {name: _counted({pair: said for (of, pair), said in pairs.items() if of == name}) for name in names}
    if found:
        found["all"] = {
            key: sum((row[key] for row in found.values()), start=type(zero)()) for key, zero in _NONE.items()
        }
    return found


_NONE: dict[str, Any] = {"pairs": 0, "confused": 0, "which": []}


def _counted(pairs: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, Any]:
    """``pairs``: name → speaker → word → margin. What cannot be judged is confused."""
    complete = {pair: [said for said in speakers.values() if len(said) == 2] for pair, speakers in pairs.items()}
    confused = {pair: sum(not sum(said.values()) > 0.0 for said in spoken) for pair, spoken in complete.items()}
    count = sum(len(spoken) for spoken in complete.values())
    which = [pair for pair, times in confused.items() if times]
    return {"pairs": count, "confused": sum(confused.values()), "which": which}
