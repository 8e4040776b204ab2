"""One sentence in one condition next to its recording. What several metrics need is computed once, on first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.alignment.ctc import force
from ssmphony.arrays import Floats
from ssmphony.audio.pitch import track_pitch
from ssmphony.evaluation.material import Rendition, Sentence
from ssmphony.evaluation.metrics.distance import Distance, compare
from ssmphony.evaluation.metrics.prosody import PitchError, compare_pitch
from ssmphony.evaluation.metrics.timing import Span
from ssmphony.evaluation.metrics.variance import band_variance
from ssmphony.evaluation.models.dnsmos import DnsmosScores
from ssmphony.evaluation.models.recogniser import Recognition, WordFaults, word_faults
from ssmphony.types import Samples


class Sample:
    """``models`` by name; ``speaker`` is the embedding of the person whose voice it should be, or None."""

    def __init__(
        self, sentence: Sentence, condition: str, models: Mapping[str, Any], speaker: Floats | None = None
    ) -> None:
        self.sentence, self.condition, self.models, self.speaker = sentence, condition, models, speaker
        self.rate = sentence.rate
        self.rendition: Rendition = sentence.conditions[condition]
        self.sound: Samples = self.rendition.samples
        self.original: Sample | None = None
        """The sample of the recording, where there is one and this is another condition."""

    @cached_property
    def pitch(self) -> Floats:
        return track_pitch(self.sound)

    @cached_property
    def recording(self) -> Sample:
        assert self.original, "a metric that needs the recording says so in the registry"
        return self.original

    @cached_property
    def distance(self) -> Distance:
        return compare(self.recording.sound, self.sound, aligned=self.condition == "copy")

    @cached_property
    def pitch_error(self) -> PitchError:
        return compare_pitch(self.recording.pitch, self.pitch, self.distance.path)

    @cached_property
    def band_variance(self) -> npt.NDArray[np.float64]:
        return band_variance(self.sound)

    @cached_property
    def dnsmos(self) -> DnsmosScores:
        return self.models["dnsmos"](self.sound, self.rate)

    @cached_property
    def recognition(self) -> Recognition:
        return self.models["recogniser"](self.sound, self.rate)

    @cached_property
    def faults(self) -> WordFaults:
        return word_faults(self.recognition, self.sentence.words)

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """The symbols that make a sound."""
        alphabet = self.recognition.alphabet
        return tuple(symbol for symbol in self.sentence.symbols if alphabet.phone_classes([symbol]))

    @cached_property
    def phone_spans(self) -> Sequence[Span]:
        """Times of `phones` by forced alignment, in s; empty where the clip is too short for them."""
        try:
            spans = force(self.recognition.phones, self.recognition.alphabet.phone_classes(self.phones))
        except ValueError:
            return ()
        return [(first * self.recognition.step_s, stop * self.recognition.step_s) for first, stop in spans]

    @cached_property
    def speaker_features(self) -> tuple[Floats, Floats]:
        """Features of the speaker encoder (window, 256) and the embedding (256,)."""
        return self.models["speaker"].encode(self.sound, self.rate)


def samples_of(sentence: Sentence, models: Mapping[str, Any], speaker: Floats | None = None) -> dict[str, Sample]:
    """Condition → sample, the recording's first."""
    found = {condition: Sample(sentence, condition, models, speaker) for condition in sentence.conditions}
    for condition, sample in found.items():
        if condition != "recording":
            sample.original = found.get("recording")
    return found
