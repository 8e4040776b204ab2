"""What breaks when many texts are spoken: counted by kind, and the broken ones named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ssmphony.audio.pitch import track_pitch
from ssmphony.evaluation.material import cut
from ssmphony.evaluation.metrics.defects import check_clip, drift
from ssmphony.evaluation.models.recogniser import SpeechRecogniser, word_faults
from ssmphony.types import Audio, Tokens
from ssmphony.voice import Voice

Row = dict[str, Any]

DEFECTS = (
    "empty",
    "not finite",
    "silent",
    "clipped",
    "endless",
    "cut short",
    "held",
    "skipped words",
    "drifting",
)
"""``skipped words`` have no time in the sound. What the recogniser misses is doubt, not a defect: it errs, too."""
HELD_S = 1.0
"""Longer than anybody holds a sound; pauses may."""
STORY_S = 20.0
"""Only longer readings can drift: one sentence rightly ends lower and softer than it begins."""
SHOWN = 10
_PAUSES = "^,.?!"
_FAULTS = ("skipped", "repeated", "invented")


def held_out(lines: Sequence[str], every: int, count: int) -> list[str]:
    """Every ``every``-th line, from the first, ``count`` at most."""
    return list(lines[::every][:count])


def examine(
    voice: Voice, text: str, listener: SpeechRecogniser | None = None, speaker: str | None = None
) -> tuple[Row, Audio]:
    """Speak a text of any length and check it: figures and defects, and the sound."""
    audio = voice.say(text, speaker=speaker)
    expected = list(voice.frontend.sentences(text))
    check = check_clip(audio.samples, audio.sample_rate, len(audio.phonemes))
    longest = max((span.end_s - span.start_s for span in audio.phonemes if span.text not in _PAUSES), default=0.0)
    row = {**asdict(check), "text": text, "words": len(audio.words), "longest_phoneme_s": longest}
    defects = list(check.defects)
    words = [word for tokens in expected for word in tokens.words]
    if len(audio.words) != len(words) or any(word.first == word.stop for word in words):
        defects.append("skipped words")
    if longest > HELD_S:
        defects.append("held")
    if check.seconds > STORY_S and "not finite" not in defects:
        moved = drift(audio.samples, track_pitch(audio.samples))
        row["drift"] = asdict(moved)
        if moved.drifts:
            defects.append("drifting")
    if listener and not {"empty", "not finite"} & set(defects):
        row["heard"] = recognised_faults(audio, expected, listener)
    return {**row, "defects": defects}, audio


def in_doubt(row: Mapping[str, Any]) -> bool:
    """Whether the recogniser misses a word, or finds one twice or one that is not there."""
    return any(row.get("heard", {}).values())


def recognised_faults(audio: Audio, sentences: Sequence[Tokens], listener: SpeechRecogniser) -> dict[str, int]:
    """Words left out, words said twice and stretches made up, sentence by sentence."""
    found: Counter[str] = Counter(dict.fromkeys(_FAULTS, 0))
    for samples, tokens in zip(cut(audio), sentences, strict=False):
        words = [tokens.symbols[word.first : word.stop] for word in tokens.words]
        if words and len(samples):
            faults = word_faults(listener(samples, audio.sample_rate), words)
            found.update(skipped=len(faults.skipped), repeated=len(faults.repeated), invented=faults.invented)
    return dict(found)


def summary(rows: Sequence[Mapping[str, Any]]) -> Row:
    """Counts of defects, percentiles of pace and level, and the texts nearest to a defect."""
    counts = Counter(defect for row in rows for defect in row["defects"])
    pace = np.array([row["seconds_per_phoneme"] for row in rows])
    middle = float(np.median(pace))
    worst = sorted(
        rows,
        key=lambda row: (
            -len(row["defects"]),
            -sum(row.get("heard", {}).values()) / max(1, row["words"]),
            -abs(np.log(row["seconds_per_phoneme"] / middle + 1e-9)),
        ),
    )
    shown = ("text", "defects", "seconds", "seconds_per_phoneme", "peak", "clipped_samples", "heard", "id", "audio")
    return {
        "clips": len(rows),
        "audio_s": float(sum(row["seconds"] for row in rows)),
        "words": int(sum(row["words"] for row in rows)),
        "broken": sum(bool(row["defects"]) for row in rows),
        "defects": {name: counts.get(name, 0) for name in DEFECTS},
        "in_doubt": sum(map(in_doubt, rows)),
        "heard": {kind: sum(row.get("heard", {}).get(kind, 0) for row in rows) for kind in _FAULTS},
        "clips_with_a_clipped_sample": sum(row["clipped_samples"] > 0 for row in rows),
        "highest_peak": max(row["peak"] for row in rows),
        "lowest_loudest_rms": min(row["loudest_rms"] for row in rows),
        "seconds_per_phoneme": {f"p{q}": float(np.percentile(pace, q)) for q in (0, 1, 50, 99, 100)},
        "longest_phoneme_s": max(row["longest_phoneme_s"] for row in rows),
        "worst": [{key: row[key] for key in shown if key in row} for row in worst[:SHOWN]],
    }
