"""Speak many sentences that no training saw, and count the broken clips.

    python -m benchmarks.robustness VOICE SENTENCES [--count 1000] [--every 28] [--keep FOLDER]

SENTENCES has one sentence a line. Every 28th line is taken, from the first: the espeak-ng teacher leaves these out of
training. Writes ``benchmarks/results/robustness.json``; broken and extreme clips are kept as FLAC with ``--keep``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.systems import voice_argument
from ssmphony.audio.files import AudioWriter
from ssmphony.evaluation.defects import check_clip
from ssmphony.voice import Voice
from ssmphony.voices.package import load

RESULTS = Path(__file__).parent / "results"
DEFECTS = ("empty", "not finite", "silent", "clipped", "endless", "cut short", "held", "skipped words")
HELD_S = 1.0  # longer than anybody holds a sound; pauses may
SHOWN = 10
_voice: list[Voice] = []  # one for each process


def held_out(sentences: Path, every: int, count: int) -> list[str]:
    lines = [line.strip() for line in sentences.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[::every][:count]


def _start(voice: str | None) -> None:
    _voice.append(load(voice, threads=1))


def examine(job: tuple[int, str, str | None]) -> dict[str, Any]:
    """Speak one sentence and check the clip."""
    number, text, folder = job
    voice = _voice[0]
    audio = voice.say(text)
    check = check_clip(audio.samples, audio.sample_rate, len(audio.phonemes))
    expected = [word for sentence in voice.frontend.sentences(text) for word in sentence.words]
    defects = list(check.defects)
    if len(audio.words) != len(expected) or any(word.first == word.stop for word in expected):
        defects.append("skipped words")
    longest = max((span.end_s - span.start_s for span in audio.phonemes if span.text not in "^,.?!"), default=0.0)
    if longest > HELD_S:
        defects.append("held")
    if defects and folder:
        with AudioWriter(Path(folder) / f"{number:04d}.flac", audio.sample_rate) as writer:
            writer.write(np.nan_to_num(audio.samples))
    return {**asdict(check), "text": text, "words": len(audio.words), "longest_phoneme_s": longest, "defects": defects}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of defects, percentiles of pace and level, and the sentences nearest to a defect."""
    counts = Counter(defect for row in rows for defect in row["defects"])
    pace = np.array([row["seconds_per_phoneme"] for row in rows])
    shown = ("text", "defects", "seconds", "seconds_per_phoneme", "peak", "clipped_samples")
    middle = float(np.median(pace))
    worst = sorted(
        rows, key=lambda row: (-len(row["defects"]), -abs(np.log(row["seconds_per_phoneme"] / middle + 1e-9)))
    )
    return {
        "clips": len(rows),
        "audio_s": float(sum(row["seconds"] for row in rows)),
        "words": int(sum(row["words"] for row in rows)),
        "broken": sum(bool(row["defects"]) for row in rows),
        "defects": {name: counts.get(name, 0) for name in DEFECTS},
        "clips_with_a_clipped_sample": sum(row["clipped_samples"] > 0 for row in rows),
        "highest_peak": max(row["peak"] for row in rows),
        "lowest_loudest_rms": min(row["loudest_rms"] for row in rows),
        "seconds_per_phoneme": {f"p{q}": float(np.percentile(pace, q)) for q in (0, 1, 50, 99, 100)},
        "longest_phoneme_s": max(row["longest_phoneme_s"] for row in rows),
        "worst": [{key: row[key] for key in shown} for row in worst[:SHOWN]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice or its folder")
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--every", type=int, default=28)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder for the broken clips")
    parser.add_argument("--output", type=Path, default=RESULTS / "robustness.json")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    texts = held_out(arguments.sentences, arguments.every, arguments.count)
    voice, keep = voice_argument(arguments.voice), str(arguments.keep) if arguments.keep else None
    begin = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(arguments.processes, _start, (voice,)) as pool:
        rows = pool.map(examine, [(number, text, keep) for number, text in enumerate(texts)], chunksize=10)
    result = {"voice": load(voice).card.name, "every": arguments.every, **summary(rows)}
    arguments.output.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{result['broken']} of {len(rows)} clips are broken: {result['defects']}; {time.monotonic() - begin:.0f} s")
    for row in result["worst"]:
        print(f"{row['seconds_per_phoneme']:.3f} s a phoneme, peak {row['peak']:.2f}, {row['defects']} {row['text']}")


if __name__ == "__main__":
    main()
