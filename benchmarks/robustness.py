"""Speak many sentences that were not used in training, and count the broken clips.

    python -m benchmarks.robustness VOICE SENTENCES [--count 1000] [--every 28] [--keep FOLDER]

SENTENCES has one sentence a line. Every 28th line is taken, from the first: the espeak-ng teacher leaves these out of
training. Writes ``benchmarks/results/robustness.json``; broken clips are kept as FLAC with ``--keep``. What is counted
is `ssmphony.evaluation.robustness`; ``--listen`` counts what the recogniser misses, too, and takes three times as long.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import RESULTS, write_json
from benchmarks.tables import table as markdown
from benchmarks.voices import voice_argument
from ssmphony.audio.files import AudioWriter
from ssmphony.evaluation.material import read_lines
from ssmphony.evaluation.models.recogniser import SpeechRecogniser
from ssmphony.evaluation.robustness import examine, held_out, summary
from ssmphony.parallel.local import run_local
from ssmphony.voice import Voice
from ssmphony.voices.package import load

Row = dict[str, Any]


def worker(voice: str | None, keep: Path | None, listen: bool) -> Callable[[tuple[int, str]], Row]:
    torch.set_num_threads(1)
    return partial(speak, load(voice, threads=1), keep, SpeechRecogniser() if listen else None)


def speak(voice: Voice, keep: Path | None, listener: SpeechRecogniser | None, job: tuple[int, str]) -> Row:
    """Speak one sentence, check the clip, and keep it if it is broken."""
    number, text = job
    row, audio = examine(voice, text, listener)
    if row["defects"] and keep:
        with AudioWriter(keep / f"{number:04d}.flac", audio.sample_rate) as writer:
            writer.write(np.nan_to_num(audio.samples))
    return row


def table(result: Row) -> str:
    """Broken clips, by kind, and how near the others came."""
    rows = [[name, str(count)] for name, count in result["defects"].items()]
    pace = result["seconds_per_phoneme"]
    return "\n".join(
        [
            markdown(
                [f"of {result['clips']:,} sentences", "clips"],
                [*rows, ["**broken in any way**", str(result["broken"])]],
            ),
            "",
            f"{result['audio_s'] / 60:.0f} minutes of audio, {result['words']:,} words. Highest peak "
            f"{result['highest_peak']:.2f}; {result['clips_with_a_clipped_sample']} clips reach full scale in a sample "
            f"or two. Seconds per phoneme: {pace['p50']:.3f} in the median clip, {pace['p0']:.3f} in the fastest clip, "
            f"{pace['p100']:.3f} in the slowest; the longest phoneme lasts {result['longest_phoneme_s']:.2f} s.",
            *(["", _doubts(result["heard"], result["words"])] if result.get("listened") else []),
        ]
    )


def _doubts(faults: Row, words: int) -> str:
    """What the recogniser missed: it errs, too, so none of it counts as broken."""
    per_thousand = 1000 * (faults["skipped"] + faults["repeated"]) / words
    return (
        f"The recogniser missed {faults['skipped']} words, recognised {faults['repeated']} twice (together "
        f"{per_thousand:.1f} in 1,000) and found {faults['invented']} stretches that are not in the text."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice or its folder")
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--every", type=int, default=28)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder for the broken clips")
    parser.add_argument("--listen", action="store_true", help="count what the recogniser misses")
    parser.add_argument("--output", type=Path, default=RESULTS / "robustness.json")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    texts = held_out(read_lines(arguments.sentences), arguments.every, arguments.count)
    voice = voice_argument(arguments.voice)
    begin = time.monotonic()
    results = run_local(
        partial(worker, voice, arguments.keep, arguments.listen), list(enumerate(texts)), arguments.processes
    )
    rows = [row for _, row in sorted(results, key=lambda result: result[0])]
    how = {"voice": load(voice).card.name, "every": arguments.every, "listened": arguments.listen}
    result = {**how, **summary(rows)}
    write_json(result, arguments.output)
    print(f"{result['broken']} of {len(rows)} clips are broken: {result['defects']}; {time.monotonic() - begin:.0f} s")
    for row in result["worst"]:
        print(f"{row['seconds_per_phoneme']:.3f} s a phoneme, peak {row['peak']:.2f}, {row['defects']} {row['text']}")


if __name__ == "__main__":
    main()
