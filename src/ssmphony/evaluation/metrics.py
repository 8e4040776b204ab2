"""Every figure of a clip. A new metric is one function here; it then stands in the report and in ``report.json``.

A metric takes a `Case` and returns a number, NaN where it has no answer. Its decorator says how it is shown, whether a
recording must stand beside the clip, in which ways it makes sense, and which judge it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssmphony.alignment.ctc import edits
from ssmphony.alignment.recogniser import character_classes, phone_classes
from ssmphony.evaluation.case import Case
from ssmphony.evaluation.defects import CLIPPED_LEVEL, silence_share
from ssmphony.evaluation.fidelity import stft_distance
from ssmphony.evaluation.intelligibility import character_edits, phone_edits
from ssmphony.evaluation.prosody import compare_durations
from ssmphony.evaluation.speaker import similarity
from ssmphony.evaluation.variance import variance_ratio

Better = Literal["lower", "higher", "neither"]
Measure = Callable[[Case], float]


@dataclass(frozen=True)
class Metric:
    """``beside``: a recording must be there; ``ways``: empty for all; ``needs``: a judge; ``group``: of the table."""

    name: str
    label: str
    group: str
    better: Better
    digits: int
    beside: bool
    ways: tuple[str, ...]
    needs: str
    measure: Measure

    def fits(self, case: Case) -> bool:
        if self.beside and case.original is None:
            return False
        return (not self.ways or case.way in self.ways) and (not self.needs or self.needs in case.judges)


METRICS: dict[str, Metric] = {}
"""In the order of the report."""


def metric(
    label: str,
    group: str,
    better: Better,
    *,
    digits: int = 2,
    beside: bool = False,
    ways: tuple[str, ...] = (),
    needs: str = "",
) -> Callable[[Measure], Measure]:
    def register(measure: Measure) -> Measure:
        name = measure.__name__
        METRICS[name] = Metric(name, label, group, better, digits, beside, ways, needs, measure)
        return measure

    return register


def measure(case: Case) -> dict[str, float]:
    """Name → figure of all metrics that fit the case; a sound of no samples has a length alone."""
    if not len(case.sound):
        return {"seconds": 0.0}
    return {name: float(metric.measure(case)) for name, metric in METRICS.items() if metric.fits(case)}


IN_DOMAIN = "Intelligibility, by the project's own recogniser (in-domain: not a word error rate to put beside papers)"
NATURAL = "Naturalness, by networks"
NEAR = "Distance to the recording"
FAITHFUL = "Copy-synthesis, sample by sample"
MELODY = "Pitch and timing"
PERSON = "Speaker"
SOUND = "The sound itself"


@metric("phone error", IN_DOMAIN, "lower", digits=3, needs="recogniser")
def phone_error(case: Case) -> float:
    return phone_edits(case.heard, case.sentence.symbols).total / max(1, len(phone_classes(case.sentence.symbols)))


@metric("character error", IN_DOMAIN, "lower", digits=3, needs="recogniser")
def character_error(case: Case) -> float:
    wanted = character_classes(case.sentence.text)
    return character_edits(case.heard, case.sentence.text).total / max(1, len(wanted))


@metric("words skipped", IN_DOMAIN, "lower", needs="recogniser")
def skipped_words(case: Case) -> float:
    return len(case.faults.skipped)


@metric("words repeated", IN_DOMAIN, "lower", needs="recogniser")
def repeated_words(case: Case) -> float:
    return len(case.faults.repeated)


@metric("stretches invented", IN_DOMAIN, "lower", needs="recogniser")
def invented_stretches(case: Case) -> float:
    return case.faults.invented


@metric("character error of Whisper", IN_DOMAIN, "lower", digits=3, needs="whisper")
def whisper_error(case: Case) -> float:
    wanted = character_classes(case.sentence.text)
    said = character_classes(case.judges["whisper"](case.sound, case.rate))
    return edits(said, wanted).total / max(1, len(wanted))


@metric("DNSMOS overall", NATURAL, "higher", needs="dnsmos")
def dnsmos_overall(case: Case) -> float:
    return case.opinion.overall


@metric("DNSMOS speech", NATURAL, "higher", needs="dnsmos")
def dnsmos_speech(case: Case) -> float:
    return case.opinion.speech


@metric("DNSMOS background", NATURAL, "higher", needs="dnsmos")
def dnsmos_background(case: Case) -> float:
    return case.opinion.background


@metric("DNSMOS P.808", NATURAL, "higher", needs="dnsmos")
def dnsmos_p808(case: Case) -> float:
    return case.opinion.p808


@metric("UTMOS", NATURAL, "higher", needs="utmos")
def utmos(case: Case) -> float:
    return case.judges["utmos"](case.sound, case.rate)


@metric("MCD, dB", NEAR, "lower", beside=True)
def mcd_db(case: Case) -> float:
    return case.distance.mcd_db


@metric("mel L1", NEAR, "lower", beside=True)
def mel_l1(case: Case) -> float:
    return case.distance.mel_l1


@metric("global variance beside the recording's", NEAR, "higher", beside=True)
def global_variance(case: Case) -> float:
    return variance_ratio(case.recording.band_variance, case.band_variance)


@metric("multi-resolution STFT", FAITHFUL, "lower", beside=True, ways=("copy",))
def stft(case: Case) -> float:
    return stft_distance(case.recording.sound, case.sound)


@metric("PESQ-wb", FAITHFUL, "higher", beside=True, ways=("copy",), needs="pesq")
def pesq_wb(case: Case) -> float:
    return case.judges["pesq"](case.recording.sound, case.sound, case.rate)


@metric("STOI", FAITHFUL, "higher", digits=3, beside=True, ways=("copy",), needs="stoi")
def stoi(case: Case) -> float:
    return case.judges["stoi"](case.recording.sound, case.sound, case.rate)


@metric("log-F0 RMSE", MELODY, "lower", digits=3, beside=True)
def log_f0_rmse(case: Case) -> float:
    return case.pitch_error.log_f0_rmse


@metric("log-F0 RMSE, means taken off", MELODY, "lower", digits=3, beside=True)
def log_f0_centred(case: Case) -> float:
    return case.pitch_error.centred


@metric("voicing error", MELODY, "lower", digits=3, beside=True)
def voicing(case: Case) -> float:
    return case.pitch_error.voicing


@metric("word duration error, ms", MELODY, "lower", digits=0, beside=True, ways=("free",))
def word_ms(case: Case) -> float:
    """NaN where the voice reads another number of words."""
    recorded, free = case.recording.rendition.words, case.rendition.words
    if len(recorded) != len(free) or not free:
        return float("nan")
    lengths = ([end - start for start, end in words] for words in (recorded, free))
    return compare_durations(*lengths).mean_ms


@metric("length beside the recording's", MELODY, "neither", beside=True, ways=("free",))
def length_ratio(case: Case) -> float:
    return len(case.sound) / len(case.recording.sound)


@metric("similarity to the speaker", PERSON, "higher", digits=3, needs="speaker")
def speaker(case: Case) -> float:
    return float("nan") if case.speaker is None else similarity(case.hearing[1], case.speaker)


@metric("seconds", SOUND, "neither")
def seconds(case: Case) -> float:
    return len(case.sound) / case.rate


@metric("peak", SOUND, "neither")
def peak(case: Case) -> float:
    return float(np.abs(case.sound).max())


@metric("level, dB", SOUND, "neither", digits=1)
def rms_db(case: Case) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(case.sound.astype(np.float64) ** 2)) + 1e-9))


@metric("samples at full scale", SOUND, "lower", digits=0)
def clipped_samples(case: Case) -> float:
    return int((np.abs(case.sound) >= CLIPPED_LEVEL).sum())


@metric("share of silence", SOUND, "neither")
def silence(case: Case) -> float:
    return silence_share(case.sound, case.rate)
