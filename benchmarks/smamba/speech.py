"""SMamba, its twin and other voices on the same sentences, each as the speaker of a recording.

    python -m benchmarks.smamba.speech VOICE [VOICE ...] --cache FOLDER --seen NAME=PREPARED[,IDS]
        [--unseen NAME=PREPARED ...] [--real NAME=PREPARED[,IDS] ...] [--speaker hf_alpha=alpha ...] [--trials 50]
        [--texts 1000] [--no-speed] [--write]

A trial takes one clip of a speaker as the reference, and the sentence of another clip of theirs, spoken by each voice
and as recorded. A voice that takes no reference speaks as the speaker of that name, if it has one. Readers of other
languages (``--real``) speak the sentences of the first group. All figures stay in the cache: a run that was stopped
goes on. Measured: DistillMOS, character error, similarity to the reference (of the speaker encoder, which is not part
of any training) against the references of all other speakers, log-F0, durations and mel-cepstral distortion next to
the recording; of the first voice alone, what is broken of ``--texts`` sentences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from benchmarks.fish.clones import conclude as compare_speakers
from benchmarks.fish.clones import embedded, sound, speakers_of
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.smamba import tables
from benchmarks.teacher import figures
from benchmarks.teacher.measure import durations, hear, models
from benchmarks.teacher.options import add_names
from benchmarks.teacher.render import UNSEEN, read_plan
from benchmarks.update_docs import update
from benchmarks.voices import voice_argument
from ssmphony.audio.pitch import track_pitch
from ssmphony.audio.resample import resample
from ssmphony.data.crops import CropSource
from ssmphony.data.manifest import Clip
from ssmphony.data.selection import select
from ssmphony.evaluation.journal import Journal
from ssmphony.evaluation.material import speak_tokens, tokens_of
from ssmphony.evaluation.metrics.distance import compare
from ssmphony.evaluation.metrics.prosody import compare_pitch
from ssmphony.evaluation.robustness import examine
from ssmphony.evaluation.run import without_nan
from ssmphony.evaluation.speed import card, measure_apart
from ssmphony.reference import reference_from
from ssmphony.types import Audio, MelFormat, SsmphonyError, Style
from ssmphony.voice import Voice
from ssmphony.voices.package import load, locate

KINDS = ("seen", "unseen", "real")
RECORDING = "recording"
UNSEEN_TOGETHER = "all unseen"
RATE = MelFormat().sample_rate
"""At which sounds are compared."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Speakers of a prepared corpus: ``seen`` in training, ``unseen``, or ``real`` ones of other languages."""

    name: str
    kind: str
    folder: Path
    ids: Path | None = None


@dataclass(frozen=True)
class Trial:
    """``speaker`` of ``group`` says the phones of ``target`` after the recording ``prompt``; ``other`` is another clip
    of theirs, of the same words if ``same``."""

    id: str
    group: Group
    speaker: str
    prompt: Clip
    other: Clip
    target: Clip

    @property
    def same(self) -> bool:
        return self.other is self.target


def trials_of(group: Group, count: int, sentences: Sequence[Clip]) -> list[Trial]:
    """So many trials of a group: its speakers take turns."""
    people = list(speakers_of(clips_of(group)).items())
    if len(people) < 2:
        raise SsmphonyError(f"{group.folder}: two clips each of two speakers or more are needed")
    trials: dict[str, Trial] = {}
    for number in range(count):
        turn, place = divmod(number, len(people))
        speaker, clips = people[place]
        prompt, other = clips[turn % len(clips)], clips[(turn + 1) % len(clips)]
        target = sentences[number % len(sentences)] if group.kind == "real" else other
        name = f"{prompt.id} {target.id}"
        trials.setdefault(name, Trial(name, group, speaker, prompt, other, target))
    return list(trials.values())


def clips_of(group: Group) -> list[Clip]:
    """Of real readers also those whose words are not known."""
    (clips,) = select([CropSource(path=str(group.folder), only=None if group.ids is None else str(group.ids))])
    return [clip for clip in clips if clip.symbols or group.kind == "real"]


def measure(voice: str | None, names: dict[str, str], trials: Sequence[Trial], cache_folder: Path) -> list[Row | None]:
    """A row for each trial; None where the voice has no such speaker. ``RECORDING`` is a voice, too."""
    loaded = None if voice == RECORDING else load(voice, threads=1)
    stamp = {"voice": loaded.identity if loaded else RECORDING, "models": sorted(models())}
    rows: list[Row | None] = []
    for group, members in groupby(trials, lambda trial: trial.group):
        folder = str(group.folder.resolve())
        journal = Journal(cache_folder / "work", f"smamba-{group.name}", {**stamp, "folder": folder})
        known = journal.rows()
        for trial in members:
            if trial.id not in known:
                row = recorded(trial) if loaded is None else spoken(loaded, trial, names)
                if row is not None:
                    known[trial.id] = {"id": trial.id, "speaker": trial.speaker, **row}
                    journal.add(known[trial.id])
            rows.append(known.get(trial.id))
    return rows


def spoken(voice: Voice, trial: Trial, names: dict[str, str]) -> Row | None:
    """The trial by a voice."""
    style = style_of(voice, trial, names)
    if style is None:
        return None
    audio = speak_tokens(voice, tokens_of(trial.target, voice.frontend.symbols), style)
    row = hear(models(), audio.samples, voice.sample_rate, trial.target)
    return row | (beside(audio, trial) if trial.same else {})


def style_of(voice: Voice, trial: Trial, names: dict[str, str]) -> Style | None:
    """The speaker of the trial: by a reference, by name, or not at all."""
    if "reference" in voice.model.capabilities:
        samples = sound(trial.group.folder / trial.prompt.audio, voice.sample_rate)
        return Style(reference=reference_from(samples, voice.encoder, voice.model))
    name = names.get(trial.speaker, trial.speaker)
    return Style(speaker=name) if name in voice.card.speakers else None


def recorded(trial: Trial) -> Row:
    """The recording of the trial; of other words only what does not depend on them."""
    samples = sound(trial.group.folder / trial.other.audio, RATE)
    return hear(models(), samples, RATE, trial.target if trial.same else None)


def beside(audio: Audio, trial: Trial) -> Row:
    """What differs from the recording of the same words."""
    original = sound(trial.group.folder / trial.target.audio, RATE)
    samples = resample(audio.samples, audio.sample_rate, RATE)
    if not len(samples):
        return {}
    distance = compare(original, samples)
    pitch = compare_pitch(track_pitch(original), track_pitch(samples), distance.path)
    lengths = [span.end_s - span.start_s for span in audio.phonemes]
    timing = durations(trial.target, lengths) if len(lengths) == len(trial.target.symbols or ()) else {}
    return {"mcd_db": distance.mcd_db, **asdict(pitch), **timing}


@cache
def _prompt(path: Path) -> list[float] | None:
    return embedded(sound(path, RATE), RATE)


def conclude(trials: Sequence[Trial], rows: Sequence[Row | None], recordings: Sequence[Row | None]) -> dict[str, Row]:
    """Figures of one system by group; the unseen ones together, too. A group of which nothing was spoken is missing."""
    groups: dict[str, list[int]] = {}
    for place, trial in enumerate(trials):
        if rows[place] is None:
            continue
        groups.setdefault(trial.group.name, []).append(place)
        if trial.group.kind == "unseen":
            groups.setdefault(UNSEEN_TOGETHER, []).append(place)
    if len({trial.group.name for trial in trials if trial.group.kind == "unseen"}) < 2:
        groups.pop(UNSEEN_TOGETHER, None)
    return {name: _figures([(trials[k], rows[k], recordings[k]) for k in places]) for name, places in groups.items()}


def _figures(parts: Sequence[tuple[Trial, Any, Any]]) -> Row:
    rows: list[Row] = [row for _, row, _ in parts]
    found: Row = {"trials": len(rows), "distillmos": figures.mean([row.get("distillmos") for row in rows])}
    found["characters"] = figures.share([row["characters"] for row in rows if "characters" in row])
    for key in ("log_f0_rmse", "correlation", "mcd_db"):
        found[key] = figures.mean([row[key] for row in rows if key in row])
    timed = [row for row in rows if "durations" in row]
    found["duration_ms"] = figures.share([(1e3 * row["duration_error_s"], row["durations"]) for row in timed])
    found["pace"] = figures.share([(row["own_s"], row["wanted_s"]) for row in timed])
    if all("embedding" in row for _, *both in parts for row in both):
        compared = [
            {
                "speaker": trial.speaker,
                "prompt": _prompt(trial.group.folder / trial.prompt.audio),
                "other": recording["embedding"],
                "spoken": row["embedding"],
            }
            for trial, row, recording in parts
        ]
        found["speaker"] = compare_speakers(compared)
    return found


def robustness(voice: str | None, names: dict[str, str], count: int, cache_folder: Path) -> Row:
    """What is broken of so many sentences, said by the voice's own speakers."""
    loaded = load(voice, threads=1)
    journal = Journal(cache_folder / "work", "smamba-texts", {"voice": loaded.identity})
    rows = journal.rows()
    plan = read_plan(UNSEEN)[:count]
    for number, speaker, text in plan:
        name = names.get(speaker, speaker)
        if (key := f"{number:06d}") not in rows:
            known = name if name in loaded.card.speakers else None
            checked, _ = examine(loaded, text, models()["recogniser"], known)
            rows[key] = {"id": key, "speaker": speaker, **checked}
            journal.add(rows[key])
    return figures.broken([rows[f"{number:06d}"] for number, _, _ in plan])


def system(voice: str | None, speed: bool) -> Row:
    """What is known of a voice without listening; its speed on one and on two threads."""
    found: Row = {"name": card(voice)["name"], "graphs_mb": sum(card(voice)["graphs"].values()) / 1e6}
    if speed:
        found["speed"] = {str(threads): measure_apart(voice, threads=threads) for threads in (1, 2)}
    return found


def group_of(kind: str, argument: str) -> Group:
    name, _, rest = argument.partition("=")
    folder, _, ids = rest.partition(",")
    if not name or not folder:
        raise SsmphonyError(f"--{kind} {argument}: write NAME=PREPARED, or NAME=PREPARED,IDS")
    return Group(name, kind, Path(folder), Path(ids) if ids else None)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("voices", nargs="+", help="voices or their folders, the one that the table is about first")
    options.add_argument("--cache", type=Path, required=True, help="what is measured stays here")
    for kind in KINDS:
        options.add_argument(f"--{kind}", nargs="+", default=[], metavar="NAME=PREPARED[,IDS]", required=kind == "seen")
    add_names(options)
    options.add_argument("--trials", type=int, default=50, help="of each group (50)")
    options.add_argument("--texts", type=int, default=1000, help="that are searched for broken clips (1000)")
    options.add_argument("--no-speed", action="store_false", dest="speed", help="leave out real time")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    return options


def compare_voices(arguments: argparse.Namespace) -> Row:
    """Everything that is measured, as it is stored."""
    if "speaker" not in models():
        raise SsmphonyError("the speaker encoder is not installed: pip install resemblyzer")
    groups = [group_of(kind, argument) for kind in KINDS for argument in getattr(arguments, kind)]
    sentences = clips_of(groups[0])
    trials = [trial for group in groups for trial in trials_of(group, arguments.trials, sentences)]
    voices, names = [voice_argument(voice) for voice in arguments.voices], dict(arguments.speaker)
    recordings = measure(RECORDING, names, trials, arguments.cache)
    systems: dict[str, Row] = {}
    for voice in voices:
        about = system(voice, arguments.speed)
        rows = measure(voice, names, trials, arguments.cache)
        systems[about["name"]] = about | {"groups": conclude(trials, rows, recordings)}
        print(f"{about['name']}: {sum(row is not None for row in rows)} trials, {locate(voice)}", flush=True)
    systems[RECORDING] = {"name": RECORDING, "groups": conclude(trials, recordings, recordings)}
    return {
        "date": date.today().isoformat(),
        "machine": machine(),
        "kinds": {group.name: group.kind for group in groups},
        "card": card(voices[0]),
        "systems": systems,
        "robustness": robustness(voices[0], names, arguments.texts, arguments.cache) if arguments.texts else {},
    }


def main() -> None:
    torch.set_num_threads(1)
    arguments = parser().parse_args()
    try:
        result = without_nan(compare_voices(arguments))
    except SsmphonyError as error:
        sys.exit(str(error))
    print(tables.speech(result))
    if arguments.write:
        write_json(result, RESULTS / "smamba_speech.json")
        update()


if __name__ == "__main__":
    main()
