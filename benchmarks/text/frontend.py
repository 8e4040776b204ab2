"""Is everything spoken? One Hindi paragraph with danda, digits, Latin words, abbreviations and signs, read by a voice.

    python -m benchmarks.text.frontend [--voice VOICE]

A written word counts as spoken when the frontend gave it phonemes, all of them have a time in the sound, and the sound
is loud there. Without a voice only the frontend is asked. Writes ``benchmarks/results/frontend.json``.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import RESULTS, write_json
from benchmarks.spoken_texts import paragraph
from benchmarks.voices import voice_argument
from ssmphony.text import FRONTENDS
from ssmphony.types import Audio, Tokens, Word
from ssmphony.voices.package import load

AUDIBLE = 10 ** (-40.0 / 20.0)  # of the loudest word
KINDS = {"digits": r"[0-9०-९]", "Latin": r"[A-Za-z]", "words": r"[^\W_]"}


def written(text: str) -> list[tuple[int, int]]:
    """The stretches between spaces that hold a letter or a digit: (start, end) in characters."""
    return [match.span() for match in re.finditer(r"\S+", text) if re.search(KINDS["words"], match.group())]


def covered(text: str, spans: Sequence[tuple[int, int]]) -> dict[str, dict[str, int]]:
    """How many written words, words with digits, words with Latin letters touch a spoken span."""
    found: dict[str, dict[str, int]] = {}
    for kind, pattern in KINDS.items():
        wanted = [(start, end) for start, end in written(text) if re.search(pattern, text[start:end])]
        spoken = [any(a < end and start < b for a, b in spans) for start, end in wanted]
        found[kind] = {"written": len(wanted), "spoken": sum(spoken)}
    return found


def spoken_words(sentences: Sequence[Tokens]) -> list[Word]:
    return [word for sentence in sentences for word in sentence.words if word.stop > word.first]


def audible(audio: Audio) -> list[tuple[int, int]]:
    """Character spans of the words during which the sound is loud."""
    levels = [
        float(
            np.sqrt(
                np.mean(audio.samples[round(w.start_s * audio.sample_rate) : round(w.end_s * audio.sample_rate)] ** 2)
            )
        )
        for w in audio.words
    ]
    loudest = max(levels)
    return [(w.start, w.end) for w, level in zip(audio.words, levels, strict=True) if level > AUDIBLE * loudest]


def compare(text: str, voice: str | None) -> dict[str, Any]:
    sentences = list(FRONTENDS["hindi"]().build().sentences(text))
    tokens = sum(len(sentence) for sentence in sentences)
    spans = [(word.start, word.end) for word in spoken_words(sentences)]
    result: dict[str, Any] = {"sentences": len(sentences), "tokens": tokens, "frontend": covered(text, spans)}
    if voice:
        audio = load(voice).say(text)
        result["audio_s"] = audio.seconds
        result["tokens_timed"] = sum(span.end_s > span.start_s for span in audio.phonemes)
        result["sound"] = covered(text, audible(audio))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice")
    parser.add_argument("--output", type=Path, default=RESULTS / "frontend.json")
    arguments = parser.parse_args()
    result = compare(paragraph(), voice_argument(arguments.voice))
    write_json(result, arguments.output)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
