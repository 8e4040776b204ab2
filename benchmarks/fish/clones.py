"""Speech after a prompt of a speaker whom the model has not seen: is it like that speaker, and like no other?

A part of `benchmarks.fish.speech --clones NAME=PREPARED`. Unseen blends of the teacher's voices are rendered by

    python tools/blend_plan.py VOICES sentences.txt --held-out configs/heldout/voices.txt --trained 0 \\
        --seconds 16 -o blends.tsv

and `ssmphony prepare kokoro`. A trial takes one clip of a speaker as the prompt, lets the voice speak another sentence
after it, and compares embeddings of a speaker encoder: with the own prompt, and with those of all other speakers.
The ceiling is how like their prompt another clip of theirs is, and how often it is nearest to it; the codec's copy of
that clip shows what of this the codec loses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.teacher import figures
from benchmarks.teacher.measure import models
from benchmarks.teacher.render import UNSEEN, read_plan
from ssmphony.arrays import Floats
from ssmphony.audio.files import read_audio
from ssmphony.audio.resample import resample
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.evaluation.journal import Journal
from ssmphony.evaluation.models.speaker import similarity
from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.reference import reference_from
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.package import load

SHORTEST_S, LONGEST_S = 2.0, 10.0
"""Of a prompt."""
REAL = "readers"
"""The group of real people, for whom there is no target."""
Row = dict[str, Any]


def speakers_of(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Clips by speaker. In a corpus of one speaker, which is several people, a person is the first number of an id, as
    in LibriTTS."""
    several = len({clip.speaker for clip in clips}) > 1
    found: dict[str, list[Clip]] = {}
    for clip in clips:
        if SHORTEST_S <= clip.seconds <= LONGEST_S:
            number = re.search(r"\d+", clip.id)
            found.setdefault(clip.speaker if several or number is None else number[0], []).append(clip)
    return {name: rows for name, rows in found.items() if len(rows) > 1}


def cloned(voice: str | None, prompts: Sequence[tuple[str, Path]], trials: int, cache: Path) -> Row | None:
    """By group, see `conclude`. None without prompts, a speaker encoder, or a voice that takes any."""
    if not prompts:
        return None
    if "speaker" not in models():
        print("clones are left out: there is no speaker encoder", flush=True)
        return None
    loaded = load(voice, threads=1)
    if "reference" not in loaded.model.capabilities:
        print(f"clones are left out: the voice '{loaded.card.name}' takes no reference", flush=True)
        return None
    return {name: group(loaded, name, folder, trials, cache) for name, folder in prompts}


def group(voice: Voice, name: str, folder: Path, trials: int, cache: Path) -> Row:
    people = list(speakers_of(read_manifest(folder)).items())
    if len(people) < 2:
        raise SsmphonyError(f"{folder}: clones need two clips each of two speakers or more")
    journal = Journal(cache, f"clones-{name}", {"voice": voice.identity, "folder": str(folder)})
    rows, texts = journal.rows(), [text for _, _, text in read_plan(UNSEEN)]
    for number in range(trials):
        turn, place = divmod(number, len(people))
        speaker, clips = people[place]
        prompt, other = clips[turn % len(clips)], clips[(turn + 1) % len(clips)]
        if prompt.id in rows:
            continue
        samples = [sound(folder / clip.audio, voice.sample_rate) for clip in (prompt, other)]
        reference = reference_from(samples[0], voice.encoder, voice.model)
        spoken = voice.say(texts[-1 - number], reference=reference, seed=number).samples
        row: Row = {"id": prompt.id, "speaker": speaker, "seconds": prompt.seconds}
        if voice.encoder is None:
            raise SsmphonyError(f"the voice '{voice.card.name}' came without the encoder of its codec")
        copy = copy_synthesis(voice.encoder, voice.codec, samples[1])
        for key, part in (("prompt", samples[0]), ("other", samples[1]), ("copy", copy), ("spoken", spoken)):
            row[key] = embedded(part, voice.sample_rate)
        rows[prompt.id] = row
        journal.add(row)
        print(f"clones, {name}: {number + 1} of {trials}", flush=True)
    return conclude(list(rows.values())) | {"targeted": name != REAL}


def sound(path: Path, rate: int) -> Samples:
    return resample(*read_audio(path), rate)


def embedded(samples: Samples, rate: int) -> list[float] | None:
    """None for a sound of nothing."""
    if not len(samples):
        return None
    return np.round(models()["speaker"].encode(samples, rate)[1], 5).tolist()


def conclude(rows: Sequence[Row]) -> Row:
    """own: cosine of what was spoken and its prompt; others, best: with the prompts of other speakers, on average and
    the nearest; nearest: 1 where no other is nearer; rank: the place of the own among all, 1 the first. ``ceiling`` and
    ``ceiling_nearest`` are own and nearest of another clip of the speaker, ``copy`` and ``copy_nearest`` of its copy,
    where there is one. Speech of nothing is like nobody."""
    embeddings: dict[str, Floats] = {row["speaker"]: np.array(row["prompt"], np.float32) for row in rows}
    found: dict[str, list[float]] = {}
    for row in rows:
        figures_of = _compared(row["spoken"], row, embeddings)
        for key, name in (("ceiling", "other"), ("copy", "copy")):
            if name in row:
                bound = _compared(row[name], row, embeddings)
                figures_of |= {key: bound["own"], f"{key}_nearest": bound["nearest"]}
        for key, value in figures_of.items():
            found.setdefault(key, []).append(value)
    summary: Row = {key: figures.mean(values) for key, values in found.items()}
    return {"trials": len(rows), "speakers": len(embeddings), **summary}


def _compared(embedding: list[float] | None, row: Row, prompts: Mapping[str, Floats]) -> dict[str, float]:
    """A sound of the row's speaker with the row's prompt, and with the prompts of the other speakers."""
    prompt = np.array(row["prompt"], np.float32)
    sound = np.zeros_like(prompt) if embedding is None else np.array(embedding, np.float32)
    own = _cosine(sound, prompt)
    others = [_cosine(sound, value) for name, value in prompts.items() if name != row["speaker"]]
    best = max(others)
    rank = 1.0 + sum(other >= own for other in others)
    return {"own": own, "others": float(np.mean(others)), "best": best, "nearest": float(own > best), "rank": rank}


def _cosine(a: Floats, b: Floats) -> float:
    return similarity(a, b) if a.any() else 0.0
