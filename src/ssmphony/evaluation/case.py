"""One sentence in one way, beside its recording: what several metrics need is made once, when the first one asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.alignment.ctc import force
from ssmphony.alignment.recogniser import phone_classes
from ssmphony.audio.pitch import track_pitch
from ssmphony.evaluation.distance import Distance, compare
from ssmphony.evaluation.dnsmos import Opinion
from ssmphony.evaluation.intelligibility import Heard, WordFaults, word_faults
from ssmphony.evaluation.material import Rendition, Sentence
from ssmphony.evaluation.prosody import PitchError, compare_pitch
from ssmphony.evaluation.timing import Span
from ssmphony.evaluation.variance import band_variance
from ssmphony.types import Samples

Floats = npt.NDArray[np.float32]


class Case:
    """``judges`` by name; ``speaker`` is the embedding of the person whose voice it should be, or None."""

    def __init__(self, sentence: Sentence, way: str, judges: Mapping[str, Any], speaker: Floats | None = None) -> None:
        self.sentence, self.way, self.judges, self.speaker = sentence, way, judges, speaker
        self.rate = sentence.rate
        self.rendition: Rendition = sentence.ways[way]
        self.sound: Samples = self.rendition.samples
        self.original: Case | None = None
        """The case of the recording, where there is one and this is another way."""

    @cached_property
    def pitch(self) -> Floats:
        return track_pitch(self.sound)

    @cached_property
    def recording(self) -> Case:
        assert self.original, "a metric that is measured beside a recording says so in the registry"
        return self.original

    @cached_property
    def distance(self) -> Distance:
        return compare(self.recording.sound, self.sound, aligned=self.way == "copy")

    @cached_property
    def pitch_error(self) -> PitchError:
        return compare_pitch(self.recording.pitch, self.pitch, self.distance.path)

    @cached_property
    def band_variance(self) -> npt.NDArray[np.float64]:
        return band_variance(self.sound)

    @cached_property
    def opinion(self) -> Opinion:
        return self.judges["dnsmos"](self.sound, self.rate)

    @cached_property
    def heard(self) -> Heard:
        return self.judges["recogniser"](self.sound, self.rate)

    @cached_property
    def faults(self) -> WordFaults:
        return word_faults(self.heard, self.sentence.words)

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """The symbols that make a sound."""
        return tuple(symbol for symbol in self.sentence.symbols if phone_classes([symbol]))

    @cached_property
    def phone_spans(self) -> Sequence[Span]:
        """Times of `phones` by forced alignment, in s; empty where the clip is too short for them."""
        try:
            spans = force(self.heard.phones, phone_classes(self.phones))
        except ValueError:
            return ()
        return [(first * self.heard.step_s, stop * self.heard.step_s) for first, stop in spans]

    @cached_property
    def hearing(self) -> tuple[Floats, Floats]:
        """Features of the speaker encoder (window, 256) and the embedding (256,)."""
        return self.judges["speaker"].hear(self.sound, self.rate)


def cases(sentence: Sentence, judges: Mapping[str, Any], speaker: Floats | None = None) -> dict[str, Case]:
    """Way → case, the recording's first."""
    found = {way: Case(sentence, way, judges, speaker) for way in sentence.ways}
    for way, case in found.items():
        if way != "recording":
            case.original = found.get("recording")
    return found
