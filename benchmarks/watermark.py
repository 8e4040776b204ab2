"""The inaudible mark: what it survives, how often it is found where it is not, and what it costs.

    python -m benchmarks.watermark SENTENCES [CORPUS...] [--voice VOICE] [--count N] [--keys N]

Sentences (one a line, every n-th so that N are spoken) are spoken by all speakers of a voice in turn, marked, and
changed. Corpora are prepared ones of human speech: clips of a second or more, each searched for the mark and for those
of other keys; without them, the false alarms of an earlier run stay, which do not depend on the strength of the mark.
Writes ``benchmarks/results/watermark.json``. DistillMOS is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.tables import table as markdown
from ssmphony.audio.encoding import Format, make_encoder
from ssmphony.audio.files import read_audio
from ssmphony.audio.resample import resample
from ssmphony.audio.watermark import KEY, LIMIT, STRENGTH_DB, Watermark, changes, detect, find
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voices.package import load

RESULT = RESULTS / "watermark.json"
CUT_S = 3.0
Change = Callable[[Samples, int], tuple[Samples, int]]


def marked(samples: Samples, rate: int) -> Samples:
    watermark = Watermark(rate)
    return np.concatenate((watermark.process(samples), watermark.finish()))


def cut(samples: Samples, rate: int) -> tuple[Samples, int]:
    """Three seconds from a place that is no multiple of anything."""
    start = min(round(0.777 * rate), max(0, len(samples) - round(CUT_S * rate)))
    return samples[start : start + round(CUT_S * rate)], rate


def noise(samples: Samples, rate: int, decibels: float = 20.0) -> tuple[Samples, int]:
    """White noise, so many dB below the sound."""
    level = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (-decibels / 20)
    hiss = level * np.random.default_rng(0).standard_normal(len(samples))
    return (samples + hiss).astype(np.float32), rate


def coded(name: Format) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        encoder = make_encoder(name, rate)
        decoded, rate = soundfile.read(io.BytesIO(encoder.encode(samples) + encoder.finish()), dtype="float32")
        return np.asarray(decoded, np.float32), rate

    return change


def at(rate: int) -> Change:
    return lambda samples, native: (resample(samples, native, rate), rate)


def faster(samples: Samples, rate: int) -> tuple[Samples, int]:
    """Played 3 % too fast, and higher."""
    return resample(samples, 103, 100), rate


def after(*parts: Change) -> Change:
    def change(samples: Samples, rate: int) -> tuple[Samples, int]:
        for part in parts:
            samples, rate = part(samples, rate)
        return samples, rate

    return change


CHANGES: dict[str, Change] = {
    "as it is": lambda samples, rate: (samples, rate),
    "cut to 3 s": cut,
    "MP3, 64 kb/s": coded("mp3"),
    "MP3, 64 kb/s, cut to 3 s": after(coded("mp3"), cut),
    "Opus, 48 kb/s, cut to 3 s": after(coded("opus"), cut),
    "resampled to 16 kHz, cut to 3 s": after(at(16000), cut),
    "resampled to 44.1 kHz, cut to 3 s": after(at(44100), cut),
    "telephone, 8 kHz, cut to 3 s": after(at(8000), cut),
    "noise at 20 dB": noise,
    "noise at 20 dB, cut to 3 s": after(noise, cut),
    "noise at 10 dB": lambda samples, rate: noise(samples, rate, 10.0),
    "noise at 20 dB, MP3, cut to 3 s": after(noise, coded("mp3"), cut),
    "cut to 1 s": lambda samples, rate: (samples[rate // 2 : rate // 2 + rate], rate),
    "played 3 % faster": faster,
}


def survival(sounds: list[tuple[Samples, int]]) -> dict[str, Any]:
    """The share of marked sounds that are found after each change, and the lowest and the median score."""
    found: dict[str, Any] = {}
    for name, change in CHANGES.items():
        results = [detect(*change(marked(samples, rate), rate)) for samples, rate in sounds]
        scores = [result.score for result in results]
        found[name] = {
            "found": sum(result.marked for result in results),
            "of": len(results),
            "lowest": round(min(scores), 2),
            "median": round(float(np.median(scores)), 2),
        }
        sys.stdout.write(f"{name}: {found[name]}\n")
    return found


def false_alarms(corpora: list[Path], keys: int) -> dict[str, Any]:
    """Human speech, searched for the mark and for those of other keys."""
    clips, seconds, alarms, own = 0, 0.0, 0, 0
    scores: list[float] = []
    for path in _clips(corpora):
        samples, rate = read_audio(path)
        if len(samples) < rate:
            continue
        clips, seconds = clips + 1, seconds + len(samples) / rate
        changed = changes(samples, rate)
        results = [find(changed, key) for key in (KEY, *(f"another {number}" for number in range(keys)))]
        own += results[0].marked
        alarms += sum(result.marked for result in results)
        scores += [result.score for result in results]
    shares = (50, 99, 99.9, 99.99)
    return {
        "clips": clips,
        "hours": round(seconds / 3600, 2),
        "searches": len(scores),
        "alarms": alarms,
        "alarms_of_the_key": own,
        "percentiles": {str(share): round(float(np.percentile(scores, share)), 2) for share in shares},
        "highest": round(max(scores), 2),
    }


def _clips(corpora: list[Path]) -> Iterator[Path]:
    for corpus in corpora:
        yield from sorted((corpus / "audio").iterdir())


def cost(sounds: list[tuple[Samples, int]]) -> dict[str, Any]:
    """What DistillMOS takes off for the mark, and the processor time for a second of sound."""
    begin, made = time.process_time(), 0.0
    for samples, rate in sounds:
        marked(samples, rate)
        made += len(samples) / rate
    result: dict[str, Any] = {"processor_s_a_second": round((time.process_time() - begin) / made, 5)}
    try:
        from ssmphony.evaluation.models.distillmos import DistillMos

        judge = DistillMos()
    except (ImportError, SsmphonyError):
        return result
    pairs = np.array([[judge(samples, rate), judge(marked(samples, rate), rate)] for samples, rate in sounds])
    lost = pairs[:, 0] - pairs[:, 1]
    error = float(lost.std(ddof=1) / np.sqrt(len(lost)))
    return {
        **result,
        "distillmos": round(float(pairs[:, 0].mean()), 3),
        "lost": round(float(lost.mean()), 3),
        "lost_error": round(error, 3),
    }


def speak(voice: str | None, sentences: Path, count: int) -> list[tuple[Samples, int]]:
    loaded = load(voice, threads=1)
    lines = sentences.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if len(line) > 45]
    speakers = loaded.card.speakers or (None,)
    sounds: list[tuple[Samples, int]] = []
    for number, text in enumerate(lines[:: len(lines) // count][:count]):
        audio = loaded.say(text, speaker=speakers[number % len(speakers)])
        sounds.append((audio.samples, audio.sample_rate))
    return sounds


def table(result: dict[str, Any]) -> str:
    """What the mark survives, for the page."""
    rows = [
        [name, f"{row['found']} of {row['of']}", f"{row['lowest']:.1f}", f"{row['median']:.1f}"]
        for name, row in result["survival"].items()
    ]
    return markdown(["what was done to it", "found", "lowest score", "median"], rows)


def notes(result: dict[str, Any]) -> str:
    """False alarms and costs, for the page."""
    alarms, price, of = result["false_alarms"], result["cost"], result["machine"]
    percentiles = alarms["percentiles"]
    lines = [
        f"* False alarms: {alarms['alarms']} in {alarms['searches']:,} searches of {alarms['clips']:,} recordings of "
        f"people ({alarms['hours']} hours), each searched for the mark and for those of other keys. 99.99 % of the "
        f"scores are below {percentiles['99.99']}, the highest is {alarms['highest']}.",
        f"* Processor time: {1000 * price['processor_s_a_second']:.1f} ms for a second of sound.",
    ]
    if "lost" in price:
        lines.append(
            f"* Quality: DistillMOS {price['distillmos']:.2f} without the mark, {price['lost']:.3f} ± "
            f"{price['lost_error']:.3f} less with it ({result['strength_db']} dB)."
        )
    lines.append(f"\nMeasured on {of['date']} ({of['cpu']}, NumPy {of['numpy']}), which was busy with other work.")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("corpora", type=Path, nargs="*")
    parser.add_argument("--voice")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--keys", type=int, default=20)
    arguments = parser.parse_args()
    sounds = speak(arguments.voice, arguments.sentences, arguments.count)
    earlier = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    result = {
        "strength_db": STRENGTH_DB,
        "limit": LIMIT,
        "survival": survival(sounds),
        "false_alarms": false_alarms(arguments.corpora, arguments.keys)
        if arguments.corpora
        else earlier["false_alarms"],
        "cost": cost(sounds),
        "machine": machine(threads=1),
    }
    write_json(result, RESULT)


if __name__ == "__main__":
    main()
