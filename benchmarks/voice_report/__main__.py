"""Held-out sentences as recorded, through the vocoder, in recorded timing, and spoken freely: distances and pictures.

    python -m benchmarks.voice_report VOICE --corpus PREPARED --ids configs/s4_acoustic/heldout.txt \
        --before OLDER_VOICE -o docs/voices/recorded

Writes ``benchmarks/results/voice_<name>.json`` and a picture of each sentence into the output folder, from the figures
of `ssmphony.evaluation`, with those models that are installed; ``--before`` measures the voice that this one replaces,
or another one to compare it with, too. `benchmarks.update_docs` makes the page.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, write_json
from benchmarks.voice_report.intonation import intonation
from benchmarks.voices import voice_argument
from ssmphony.audio.files import AudioWriter
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.material import Sentence, chosen_clips, recorded
from ssmphony.evaluation.metrics.defects import check_clip
from ssmphony.evaluation.metrics.prosody import compare_durations
from ssmphony.evaluation.metrics.registry import measure
from ssmphony.evaluation.models.loading import load_models
from ssmphony.evaluation.pictures import Panel, described, draw
from ssmphony.evaluation.sample import Sample, samples_of
from ssmphony.evaluation.speed import card
from ssmphony.voice import Voice
from ssmphony.voices.package import load

SOUNDS = 4
"""Sentences whose audio is kept."""
Row = dict[str, Any]


def measures(sample: Sample) -> Row:
    """Every figure of one clip in one condition, and its defects."""
    row: Row = dict(measure(sample))
    opinion = {name.removeprefix("dnsmos_"): row.pop(name) for name in list(row) if name.startswith("dnsmos_")}
    check = check_clip(sample.sound, sample.rate, len(sample.sentence.symbols))
    return {**row, "defects": list(check.defects), **({"dnsmos": opinion} if opinion else {})}


def durations(sentence: Sentence) -> Row:
    """Words as the voice times them, next to the recording's; empty where the voice reads another number of words."""
    recording, free = sentence.conditions["recording"], sentence.conditions["free"]
    if len(free.words) != len(recording.words):
        return {}
    error = compare_durations(*([end - start for start, end in condition.words] for condition in (recording, free)))
    return {
        "word_ms": error.mean_ms,
        "word_correlation": error.correlation,
        "words_ratio": error.ratio,
        "length_ratio": len(free.samples) / len(recording.samples),
    }


def report(
    voice: Voice, clip: Clip, corpus: Path, models: dict[str, Any], out: Path | None, audible: bool = False
) -> Row:
    """All conditions of one clip; its picture and, if ``audible``, its sound, where there is a folder for them."""
    sentence = recorded(voice, clip, corpus)
    conditions = {condition: measures(sample) for condition, sample in samples_of(sentence, models).items()}
    print(
        f"{clip.id}: {json.dumps({name: round(row.get('mcd_db', 0), 2) for name, row in conditions.items()})}",
        flush=True,
    )
    if out is not None:
        show(sentence, clip.id, out, audible)
    return {"id": clip.id, "text": clip.text, "conditions": conditions, "durations": durations(sentence)}


def show(sentence: Sentence, name: str, out: Path, audible: bool) -> None:
    rate, recording, free = sentence.rate, sentence.conditions["recording"], sentence.conditions["free"]
    marks = [(span.start_s, span.text) for span in free.phonemes]
    panels = [
        Panel(described("recording", recording.samples, rate), recording.samples, spans=recording.words),
        Panel(described("synthesis", free.samples, rate), free.samples, marks),
    ]
    draw(panels, out / f"{name}.png")
    if audible:
        with AudioWriter(out / f"{name}.flac", rate) as writer:  # the recordings stay with their publisher
            writer.write(free.samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice or its folder")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--before", help="the voice that it replaces, or another")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    name = voice_argument(arguments.voice)
    voice, out = load(name, threads=1), arguments.output
    out.mkdir(parents=True, exist_ok=True)
    models = load_models(quick=True)
    for model, why in models.missing.items():
        print(f"{model}: {why}")
    chosen = chosen_clips(arguments.corpus, arguments.ids)
    sounds = [clip.id for clip in chosen[:SOUNDS]]
    clips = [report(voice, clip, arguments.corpus, models.found, out, clip.id in sounds) for clip in chosen]
    result = {"card": card(name), "folder": out.name, "sounds": sounds, "clips": clips}
    result["intonation"] = intonation(voice, arguments.corpus)
    if arguments.before:
        older = load(voice_argument(arguments.before), threads=1)
        if older.card.name != voice.card.name:
            result["names"] = [older.card.name, voice.card.name]
        result["before"] = [report(older, clip, arguments.corpus, models.found, None) for clip in chosen]
    path = RESULTS / f"voice_{out.name}.json"
    write_json(result, path)


if __name__ == "__main__":
    main()
