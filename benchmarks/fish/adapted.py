"""What low-rank adapters for a new reader bring, and what the old speakers lose.

    python -m benchmarks.fish.adapted BEFORE AFTER --cache FOLDER --run runs/fish_lora
        --reader PREPARED --ids heldout.txt [--own alpha] [--speaker hf_beta=beta ...]
        [--sentences 10] [--write]

BEFORE and AFTER are exported voices; AFTER speaks as the reader under the name ``--own``, and as all others under
theirs. Before, the reader is cloned from one of their held-out clips, where the voice takes a reference. The sentences
of the reader are their held-out ones; those of the old speakers are the teacher's, from the cache of
`benchmarks.fish.speech`, whose rows are used again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fish import tables
from benchmarks.fish.clones import sound
from benchmarks.fish.speech import start
from benchmarks.machine import RESULTS, write_json
from benchmarks.teacher import figures
from benchmarks.teacher.measure import Job, Row, Setting, hear, measured, models, show
from benchmarks.teacher.options import add_names
from benchmarks.teacher.render import UNSEEN, read_plan, teacher_clips
from benchmarks.update_docs import update
from benchmarks.voices import voice_argument
from ssmphony.codecs.tensors import read_tensors
from ssmphony.config import load_json
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.material import chosen_clips, speak_tokens, tokens_of
from ssmphony.evaluation.models.speaker import similarity
from ssmphony.reference import reference_from
from ssmphony.training.config import VoiceConfig
from ssmphony.types import SsmphonyError, Style
from ssmphony.voices.package import load

OUT = RESULTS / "fish_adapted.json"


def reader_rows(voice_name: str | None, folder: Path, clips: Sequence[Clip], own: str | None) -> list[Row]:
    """Each held-out sentence of the reader: what is heard of it, and how like their other clips it is."""
    voice, judges = load(voice_name, threads=1), models()
    recordings = [sound(folder / clip.audio, voice.sample_rate) for clip in clips]
    theirs = np.stack([judges["speaker"].encode(samples, voice.sample_rate)[1] for samples in recordings])
    prompts = "reference" in voice.model.capabilities and own is None
    rows: list[Row] = []
    for number, clip in enumerate(clips):
        prompt = recordings[(number + 1) % len(recordings)]
        reference = reference_from(prompt, voice.encoder, voice.model) if prompts else None
        style = Style(speaker=own, reference=reference)
        samples = speak_tokens(voice, tokens_of(clip, voice.frontend.symbols), style).samples
        row = hear(judges, samples, voice.sample_rate, clip)
        others = np.delete(theirs, number, axis=0).mean(0)
        rows.append({**row, "own": similarity(np.array(row["embedding"], np.float32), others)})
    return rows


def old_rows(voice: str | None, arguments: argparse.Namespace) -> list[Row]:
    """The old speakers' sentences: those that the reader replaced are left out."""
    plan = [line for line in read_plan(UNSEEN) if line[1] != arguments.replaced]
    folder = arguments.cache / "teacher" / "unseen"
    clips = teacher_clips(folder, plan, None, 1)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    chosen = [clip for rows in by_speaker.values() for clip in rows[: arguments.sentences]]
    jobs = [Job(clip.id, clip.speaker, clip.text, clip, folder) for clip in chosen]
    teacher = measured("teacher", Setting(None, teacher=True), jobs, arguments.cache, 1, show)
    rows = measured("speech", Setting(voice, names=dict(arguments.speaker)), jobs, arguments.cache, 1, show, start)
    return [
        {**row["free"], "own": similarity(*(np.array(part["embedding"], np.float32) for part in (row["free"], told)))}
        for row, told in zip(rows, (row["teacher"] for row in teacher), strict=True)
    ]


def summary(reader: Sequence[Row], old: Sequence[Row]) -> Row:
    return {
        "own": figures.mean([row["own"] for row in reader]),
        "characters": figures.share([row["characters"] for row in reader]),
        "old_own": figures.mean([row["own"] for row in old]),
        "old_characters": figures.share([row["characters"] for row in old]),
    }


def trained_share(run: Path) -> Row:
    """Parameters of the model, and how many of them the adapters and the table of speakers are: these were trained."""
    block = VoiceConfig(**load_json(run / "config.json")["voice"])
    model = block.model_settings(len(block.frontend_symbols())).build()
    path = next(path for path in (run / "last.ckpt", run / "best.ckpt") if path.is_file())
    adapters = sum(value.numel() for name, value in read_tensors(path).items() if name.endswith((".down", ".up")))
    whole = sum(part.numel() for part in model.parameters())
    return {"parameters": whole, "trained": adapters + model.speakers.weight.numel()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("before")
    options.add_argument("after")
    options.add_argument("--cache", type=Path, required=True, help="that of benchmarks.fish.speech")
    options.add_argument("--run", type=Path, required=True, help="of the adapters")
    options.add_argument("--reader", type=Path, required=True, help="their prepared corpus")
    options.add_argument("--ids", type=Path, required=True, help="their held-out clips")
    options.add_argument("--own", help="what AFTER calls the reader; its first speaker, if not given")
    options.add_argument("--replaced", help="a speaker of the teacher whose place the reader took")
    add_names(options)
    options.add_argument("--sentences", type=int, default=10, help="of each old speaker (10)")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    try:
        clips = chosen_clips(arguments.reader, arguments.ids)
        if len(clips) < 2 or "speaker" not in models():
            raise SsmphonyError("this takes a speaker encoder and two held-out clips of the reader or more")
        before, after = (voice_argument(name) for name in (arguments.before, arguments.after))
        own = arguments.own or load(after, threads=1).card.speakers[0]
        rows = {
            "before": summary(reader_rows(before, arguments.reader, clips, None), old_rows(before, arguments)),
            "after": summary(reader_rows(after, arguments.reader, clips, own), old_rows(after, arguments)),
        }
        held_out = {clip.id for clip in clips}
        seconds = sum(clip.seconds for clip in read_manifest(arguments.reader) if clip.id not in held_out)
        steps = load_json(arguments.run / "config.json")["task"]["optimiser"]["max_steps"]
        result: dict[str, Any] = {"date": date.today().isoformat(), "minutes": seconds / 60, "steps": steps}
        result |= {"clips": len(clips), **trained_share(arguments.run), **rows}
    except SsmphonyError as error:
        sys.exit(str(error))
    print(tables.adapted(result))
    if arguments.write:
        write_json(result, OUT)
        update()


if __name__ == "__main__":
    main()
