"""Whether questions sound like questions: where the pitch goes at the end of a sentence.

The same words are spoken as a question and as a statement, next to the sentences of the recordings. The measure
is the last 50 ms of voiced sound above the sentence's median pitch, in octaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ssmphony.audio.files import read_audio
from ssmphony.audio.pitch import track_pitch
from ssmphony.data.manifest import read_manifest
from ssmphony.types import Samples
from ssmphony.voice import Voice

Row = dict[str, Any]
MARKS = {"question": "?", "statement": "।"}
LAST, FEWEST = 5, 20
"""Frames of 10.7 ms: of the end, and of a sentence whose pitch is known."""
WORDS = (
    "क्या तुम कल स्कूल जाओगे", "आप चाय पिएँगे", "क्या यह आपकी किताब है", "वह अभी घर पर है", "क्या बारिश हो रही है",
    "तुम्हारा नाम क्या है", "वह कहाँ गया", "आप कैसे हैं", "क्या तुमने खाना खाया", "बच्चे कहाँ खेल रहे हैं",
)  # fmt: skip


def final_rise(samples: Samples) -> float | None:
    """Octaves of the end above the median; None where too little is voiced."""
    track = np.asarray(track_pitch(samples))
    octaves = np.log2(track[track > 0])
    return float(octaves[-LAST:].mean() - np.median(octaves)) if len(octaves) >= FEWEST else None


def intonation(voice: Voice, corpus: Path) -> Row:
    """Mean final rise and number of sentences of each mark, of the corpus's recordings and of the voice."""
    recordings: dict[str, list[Samples]] = {name: [] for name in MARKS}
    for clip in read_manifest(corpus):
        for name, mark in MARKS.items():
            if clip.text.strip().endswith(mark):
                recordings[name].append(read_audio(corpus / clip.audio)[0])
    spoken = {name: [voice.say(words + mark).samples for words in WORDS] for name, mark in MARKS.items()}
    sides = {"recordings": recordings, "synthesis": spoken}
    return {side: {name: _mean(sounds) for name, sounds in sets.items()} for side, sets in sides.items()}


def _mean(sounds: Iterable[Samples]) -> Row:
    rises = [rise for rise in map(final_rise, sounds) if rise is not None]
    return {"rise": fmean(rises) if rises else None, "sentences": len(rises)}
