"""Free speech of a voice of codes next to its codec's copy of the teacher, on sentences that no training has seen.

    python -m benchmarks.fish.speech VOICE --cache FOLDER [--sentences 25] [--texts 1000] [--speaker hf_alpha=alpha ...]
        [--model kokoro.onnx --vocabulary vocab.json --voices FOLDER] [--clones blends=PREPARED readers=PREPARED]
        [--trials 50] [--no-speed] [--write]

The teacher's clips and everything that was measured stay in the cache, which may be that of `benchmarks.teacher`: a run
that was stopped goes on. Measured, of the teacher, of the copy and of free speech: DistillMOS, phone and character
error, words skipped and repeated; of free speech alone: what is broken of ``--texts`` sentences, endless ones among
them; speech after prompts of unseen speakers (`benchmarks.fish.clones`); speed of one stream and of 32 in an engine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.fish import tables
from benchmarks.fish.clones import cloned
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.streams import measure_streams
from benchmarks.teacher import figures
from benchmarks.teacher.measure import RATE, Job, Row, Setting, hear, keep, measured, models, read_original, show
from benchmarks.teacher.options import add_teacher, common_speakers, teacher_files
from benchmarks.teacher.render import UNSEEN, read_plan, teacher_clips
from benchmarks.update_docs import update
from benchmarks.voices import voice_argument
from ssmphony.audio.resample import resample
from ssmphony.evaluation.material import speak_tokens, tokens_of
from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.evaluation.robustness import examine
from ssmphony.evaluation.run import without_nan
from ssmphony.evaluation.speed import card, measure_apart
from ssmphony.types import SsmphonyError, Style
from ssmphony.voice import Voice
from ssmphony.voices.package import load, locate

STREAMS = (1, 32)


def start(setting: Setting) -> Callable[[Job], Row]:
    """What an executor starts in its processes."""
    torch.set_num_threads(1)
    return partial(speech_row, models(), load(setting.voice, threads=1), setting)


def speech_row(judges: dict[str, Any], voice: Voice, setting: Setting, job: Job) -> Row:
    """A sentence of the teacher, copied by the codec and spoken freely; or a text, searched for what is broken."""
    name = setting.names.get(job.speaker, job.speaker)
    row: Row = {"speaker": job.speaker, "text": job.text}
    known = name if name in voice.card.speakers else None
    if job.clip is None:
        return row | examine(voice, job.text, judges["recogniser"], known)[0]
    if voice.encoder is None:
        raise SsmphonyError(f"the voice '{voice.card.name}' came without the encoder of its codec")
    rate = voice.sample_rate
    original = resample(read_original(job).samples, RATE, rate)
    copy = copy_synthesis(voice.encoder, voice.codec, original)
    free = speak_tokens(voice, tokens_of(job.clip, voice.frontend.symbols), Style(speaker=known)).samples
    if setting.sounds is not None:
        for condition, samples in (("copy", copy), ("free", free)):
            keep(setting.sounds / condition / f"{job.id}.flac", samples, rate)
    sounds = {"copy": hear(judges, copy, rate, job.clip), "free": hear(judges, free, rate, job.clip)}
    return row | sounds | {"own_s": len(free) / rate, "wanted_s": job.clip.seconds}


def conclude(pairs: Sequence[tuple[Row, Row]]) -> dict[str, Row]:
    """Figures by speaker and of ``all``, of the teacher's row and the voice's of each clip."""
    groups: dict[str, list[tuple[Row, Row]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0]["speaker"], []).append(pair)
    return {name: _figures(rows) for name, rows in {**groups, "all": list(pairs)}.items()}


def _figures(pairs: Sequence[tuple[Row, Row]]) -> Row:
    systems = {"teacher": [teacher["teacher"] for teacher, _ in pairs]}
    systems |= {name: [voice[name] for _, voice in pairs] for name in ("copy", "free")}
    found: Row = {"clips": len(pairs)}
    for name, rows in systems.items():
        found[name] = {
            "distillmos": figures.mean([row.get("distillmos") for row in rows]),
            "faults_per_1000": figures.share([(1e3 * row["faults"], row["words"]) for row in rows]),
            **{kind: figures.share([row[kind] for row in rows]) for kind in ("characters", "phones")},
        }
    both = list(zip(systems["free"], systems["copy"], strict=True))
    for kind in ("characters", "phones"):
        found[f"{kind}_ratio"] = figures.estimate(
            [(*free[kind], *copy[kind]) for free, copy in both], lambda s: s[0] / s[1] / np.maximum(s[2] / s[3], 1e-12)
        )
    found["distillmos_loss"] = figures.mean(
        [copy["distillmos"] - free["distillmos"] if "distillmos" in free else None for free, copy in both]
    )
    found["pace"] = figures.share([(voice["own_s"], voice["wanted_s"]) for _, voice in pairs])
    return found


def speed_of(voice: str | None) -> Row:
    """Real time and first sound in a process of its own; 32 streams over one in an engine."""
    alone = measure_apart(voice)
    engines = {row["streams"]: row for row in measure_streams({"voice": locate(voice)}, 2, STREAMS)}
    one, many = (engines[count]["realtime"] for count in STREAMS)
    return {
        "times_real_time": 1 / alone["wall"],
        "first_s": alone["first_s"],
        "memory_mb": alone["memory_mb"],
        "streams": {str(count): row["realtime"] for count, row in engines.items()},
        "streams_gain": many / one,
    }


def spoken(
    voice: str | None, arguments: argparse.Namespace, names: Mapping[str, str]
) -> tuple[list[tuple[Row, Row]], list[Row]]:
    """Pairs of rows of the teacher's clips, and rows of the texts."""
    cache, plan = arguments.cache, read_plan(UNSEEN)
    speakers = common_speakers(list(dict.fromkeys(speaker for _, speaker, _ in plan)), voice, dict(names))
    plan = [line for line in plan if line[1] in speakers]
    folder = cache / "teacher" / "unseen"
    clips = teacher_clips(
        folder, plan[: arguments.sentences * len(speakers)], teacher_files(arguments), arguments.workers
    )
    jobs = [Job(clip.id, clip.speaker, clip.text, clip, folder) for clip in clips]
    texts = [Job(f"{number:06d}", speaker, text) for number, speaker, text in plan[: arguments.texts]]
    digest = load(voice, threads=1).identity[:8]
    setting = Setting(voice, sounds=cache / "sounds" / f"fish-{digest}", names=dict(names))
    by_teacher = measured("teacher", Setting(None, teacher=True), jobs, cache, arguments.workers, show)
    rows = measured("speech", setting, jobs + texts, cache, arguments.workers, show, start)
    return list(zip(by_teacher, rows[: len(jobs)], strict=True)), rows[len(jobs) :]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("voice", help="a voice or its folder")
    options.add_argument("--cache", type=Path, required=True, help="what is rendered and measured stays here")
    add_teacher(options)
    options.add_argument("--sentences", type=int, default=25, help="of each speaker (25)")
    options.add_argument("--texts", type=int, default=1000, help="that are searched for broken clips (1000)")
    options.add_argument("--clones", nargs="+", default=[], metavar="NAME=PREPARED", help="speakers to clone")
    options.add_argument("--trials", type=int, default=50, help="of each of them (50)")
    options.add_argument("--no-speed", action="store_false", dest="speed", help="leave out real time and streams")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    options.add_argument("--output", type=Path)
    arguments = options.parse_args()
    voice, names = voice_argument(arguments.voice), dict(arguments.speaker)
    try:
        pairs, texts = spoken(voice, arguments, names)
        prompts = [(name, Path(path)) for name, _, path in (given.partition("=") for given in arguments.clones)]
        result = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "voice": card(voice)["name"],
            "card": card(voice),
            "speakers": conclude(pairs),
            "robustness": figures.broken(texts) if texts else {},
            "clones": cloned(voice, prompts, arguments.trials, arguments.cache),
            "speed": speed_of(voice) if arguments.speed else None,
        }
    except SsmphonyError as error:
        sys.exit(str(error))
    result = without_nan(result)
    print(tables.speech(result))
    if arguments.output:
        write_json(result, arguments.output)
    if arguments.write:
        write_json(result, RESULTS / f"fish_speech_{result['voice']}.json")
        update()


if __name__ == "__main__":
    main()
