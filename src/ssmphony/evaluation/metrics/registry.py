"""Every figure of a clip. A new metric is one function here; it then stands in the report and in ``report.json``.

A metric takes a `Sample` and returns a number, NaN where it has no answer. Its decorator says how it is shown, whether
it needs the recording of the sentence, in which conditions it makes sense, and which evaluator model it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssmphony.alignment.ctc import edits
from ssmphony.alignment.recogniser import Alphabet
from ssmphony.evaluation.metrics.defects import CLIPPED_LEVEL, silence_share
from ssmphony.evaluation.metrics.fidelity import stft_distance
from ssmphony.evaluation.metrics.prosody import compare_durations
from ssmphony.evaluation.metrics.variance import variance_ratio
from ssmphony.evaluation.models.recogniser import character_edits, phone_edits
from ssmphony.evaluation.models.speaker import similarity
from ssmphony.evaluation.sample import Sample

Better = Literal["lower", "higher", "neither"]
Measure = Callable[[Sample], float]


@dataclass(frozen=True)
class Metric:
    """A figure of one sample.

    ``needs_recording``: it compares with the recording. ``conditions``: those that it is measured in, empty for all.
    ``needs``: an evaluator model. ``group``: of the table.
    """

    name: str
    label: str
    group: str
    better: Better
    digits: int
    needs_recording: bool
    conditions: tuple[str, ...]
    needs: str
    measure: Measure

    def fits(self, sample: Sample) -> bool:
        if self.needs_recording and sample.original is None:
            return False
        return (not self.conditions or sample.condition in self.conditions) and (
            not self.needs or self.needs in sample.models
        )


METRICS: dict[str, Metric] = {}
"""In the order of the report."""


def metric(
    label: str,
    group: str,
    better: Better,
    *,
    digits: int = 2,
    needs_recording: bool = False,
    conditions: tuple[str, ...] = (),
    needs: str = "",
) -> Callable[[Measure], Measure]:
    def register(measure: Measure) -> Measure:
        name = measure.__name__
        METRICS[name] = Metric(name, label, group, better, digits, needs_recording, conditions, needs, measure)
        return measure

    return register


def measure(sample: Sample) -> dict[str, float]:
    """Name → figure of all metrics that fit the sample; a sound of no samples has a length alone."""
    if not len(sample.sound):
        return {"seconds": 0.0}
    return {name: float(metric.measure(sample)) for name, metric in METRICS.items() if metric.fits(sample)}


IN_DOMAIN = (
    "Intelligibility, by the project's own recogniser (in-domain: not comparable with word error rates of papers)"
)
NATURAL = "Naturalness, by networks"
NEAR = "Distance to the recording"
FAITHFUL = "Copy-synthesis, sample by sample"
MELODY = "Pitch and timing"
PERSON = "Speaker"
SOUND = "The sound itself"


@metric("phone error", IN_DOMAIN, "lower", digits=3, needs="recogniser")
def phone_error(sample: Sample) -> float:
    wanted = sample.recognition.alphabet.phone_classes(sample.sentence.symbols)
    return phone_edits(sample.recognition, sample.sentence.symbols).total / max(1, len(wanted))


@metric("character error", IN_DOMAIN, "lower", digits=3, needs="recogniser")
def character_error(sample: Sample) -> float:
    wanted = sample.recognition.alphabet.character_classes(sample.sentence.text)
    return character_edits(sample.recognition, sample.sentence.text).total / max(1, len(wanted))


@metric("words skipped", IN_DOMAIN, "lower", needs="recogniser")
def skipped_words(sample: Sample) -> float:
    return len(sample.faults.skipped)


@metric("words repeated", IN_DOMAIN, "lower", needs="recogniser")
def repeated_words(sample: Sample) -> float:
    return len(sample.faults.repeated)


@metric("stretches invented", IN_DOMAIN, "lower", needs="recogniser")
def invented_stretches(sample: Sample) -> float:
    return sample.faults.invented


@metric("character error of Whisper", IN_DOMAIN, "lower", digits=3, needs="whisper")
def whisper_error(sample: Sample) -> float:
    alphabet = Alphabet(sample.sentence.frontend)
    wanted = alphabet.character_classes(sample.sentence.text)
    said = alphabet.character_classes(sample.models["whisper"](sample.sound, sample.rate))
    return edits(said, wanted).total / max(1, len(wanted))


@metric("DistillMOS", NATURAL, "higher", needs="distillmos")
def distillmos(sample: Sample) -> float:
    return sample.models["distillmos"](sample.sound, sample.rate)


@metric("DNSMOS overall", NATURAL, "higher", needs="dnsmos")
def dnsmos_overall(sample: Sample) -> float:
    return sample.dnsmos.overall


@metric("DNSMOS speech", NATURAL, "higher", needs="dnsmos")
def dnsmos_speech(sample: Sample) -> float:
    return sample.dnsmos.speech


@metric("DNSMOS background", NATURAL, "higher", needs="dnsmos")
def dnsmos_background(sample: Sample) -> float:
    return sample.dnsmos.background


@metric("DNSMOS P.808", NATURAL, "higher", needs="dnsmos")
def dnsmos_p808(sample: Sample) -> float:
    return sample.dnsmos.p808


@metric("UTMOS", NATURAL, "higher", needs="utmos")
def utmos(sample: Sample) -> float:
    return sample.models["utmos"](sample.sound, sample.rate)


@metric("MCD, dB", NEAR, "lower", needs_recording=True)
def mcd_db(sample: Sample) -> float:
    return sample.distance.mcd_db


@metric("mel L1", NEAR, "lower", needs_recording=True)
def mel_l1(sample: Sample) -> float:
    return sample.distance.mel_l1


@metric("global variance relative to the recording's", NEAR, "higher", needs_recording=True)
def global_variance(sample: Sample) -> float:
    return variance_ratio(sample.recording.band_variance, sample.band_variance)


@metric("multi-resolution STFT", FAITHFUL, "lower", needs_recording=True, conditions=("copy",))
def stft(sample: Sample) -> float:
    return stft_distance(sample.recording.sound, sample.sound)


@metric("PESQ-wb", FAITHFUL, "higher", needs_recording=True, conditions=("copy",), needs="pesq")
def pesq_wb(sample: Sample) -> float:
    return sample.models["pesq"](sample.recording.sound, sample.sound, sample.rate)


@metric("STOI", FAITHFUL, "higher", digits=3, needs_recording=True, conditions=("copy",), needs="stoi")
def stoi(sample: Sample) -> float:
    return sample.models["stoi"](sample.recording.sound, sample.sound, sample.rate)


@metric("log-F0 RMSE", MELODY, "lower", digits=3, needs_recording=True)
def log_f0_rmse(sample: Sample) -> float:
    return sample.pitch_error.log_f0_rmse


@metric("log-F0 RMSE, means taken off", MELODY, "lower", digits=3, needs_recording=True)
def log_f0_centred(sample: Sample) -> float:
    return sample.pitch_error.centred


@metric("voicing error", MELODY, "lower", digits=3, needs_recording=True)
def voicing(sample: Sample) -> float:
    return sample.pitch_error.voicing


@metric("word duration error, ms", MELODY, "lower", digits=0, needs_recording=True, conditions=("free",))
def word_ms(sample: Sample) -> float:
    """NaN where the voice reads another number of words."""
    recorded, free = sample.recording.rendition.words, sample.rendition.words
    if len(recorded) != len(free) or not free:
        return float("nan")
    lengths = ([end - start for start, end in words] for words in (recorded, free))
    return compare_durations(*lengths).mean_ms


@metric("length relative to the recording's", MELODY, "neither", needs_recording=True, conditions=("free",))
def length_ratio(sample: Sample) -> float:
    return len(sample.sound) / len(sample.recording.sound)


@metric("similarity to the speaker", PERSON, "higher", digits=3, needs="speaker")
def speaker(sample: Sample) -> float:
    return float("nan") if sample.speaker is None else similarity(sample.speaker_features[1], sample.speaker)


@metric("seconds", SOUND, "neither")
def seconds(sample: Sample) -> float:
    return len(sample.sound) / sample.rate


@metric("peak", SOUND, "neither")
def peak(sample: Sample) -> float:
    return float(np.abs(sample.sound).max())


@metric("level, dB", SOUND, "neither", digits=1)
def rms_db(sample: Sample) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(sample.sound.astype(np.float64) ** 2)) + 1e-9))


@metric("samples at full scale", SOUND, "lower", digits=0)
def clipped_samples(sample: Sample) -> float:
    return int((np.abs(sample.sound) >= CLIPPED_LEVEL).sum())


@metric("share of silence", SOUND, "neither")
def silence(sample: Sample) -> float:
    return silence_share(sample.sound, sample.rate)
