"""Models that write samples, judged: bits a sample, what a classifier hears, speed, and whether they run away.

    python -m benchmarks.sashimi RUN … [--count 2048] [--cache FOLDER] [--sounds FOLDER] [--write]

A run is the folder of a training of the task ``samples``; its data and its held-out speakers are those of its file. The
classifier is trained on the real clips of all other speakers. Prints a line of JSON for each run; what is found for
the same weights stays in the cache. ``--write`` keeps the results, sounds and pictures, and fills the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from benchmarks.machine import RESULTS, ROOT, write_json
from benchmarks.players import section
from benchmarks.trainings import checkpoint, kept
from ssmphony.audio.mu_law import decode
from ssmphony.config import load_json, parse
from ssmphony.data.code_clips import CodeClips
from ssmphony.evaluation.frechet.distance import frechet_distance, halves
from ssmphony.evaluation.generation import scores
from ssmphony.evaluation.models.digits import ClipClassifier, train_classifier
from ssmphony.export.samples import load_samples
from ssmphony.models.generate import generate
from ssmphony.models.samples import SampleModel, numbered
from ssmphony.training.tasks.samples import SamplesTask, SamplesTaskConfig
from ssmphony.types import Samples, Style

ROWS = 64
"""Clips that are generated at once."""
LONG_S = 10.0
SPEED_ROWS = 32
"""Sounds at once, of whose speed the project has promised something."""
GAP_S = 0.15
RESULT = RESULTS / "sashimi.json"
OUTPUT = ROOT / "docs" / "systems" / "sashimi"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument(
        "--count",
        type=int,
        nargs="+",
        default=[2048],
        help="clips that are generated, of each kind: for all, or by run",
    )
    parser.add_argument("--sounds", type=Path, help="where the first clips are kept")
    parser.add_argument("--cache", type=Path, help="a folder in which the figures of each run stay")
    parser.add_argument("--write", action="store_true", help="store result, sounds and pictures; fill the pages")
    options = parser.parse_args(arguments)
    judges: dict[str, Judge] = {}
    rows: list[dict[str, Any]] = []
    heard: dict[str, dict[str, Samples]] = {}
    counts = options.count * len(options.runs) if len(options.count) == 1 else options.count
    if len(counts) != len(options.runs):
        parser.error(f"--count: give one number, or {len(options.runs)}, one for each run")
    for run, count in zip(options.runs, counts, strict=True):
        config = parse(SamplesTaskConfig, load_json(run / "config.json")["task"], str(run))
        model = load_samples(checkpoint(run))
        key = json.dumps([config.model_dump(mode="json")[name] for name in ("sources", "held_out")])
        if key not in judges:
            judges[key] = Judge(config, model)
        judged = partial(judge_run, run.name, model, config, judges[key], count, options.sounds)
        rows.append(kept(options.cache, run, {"data": key, "count": count}, judged))
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        sys.stdout.flush()
        if options.write:
            heard.setdefault(key, {"real clips, held out": judges[key].row_of_classes()})
            heard[key][rows[-1]["run"]] = generated_classes(model, config.longest_s)
    if options.write:
        store(rows, heard, {key: judge.rate for key, judge in judges.items()})


def store(rows: list[dict[str, Any]], heard: dict[str, dict[str, Samples]], rates: dict[str, int]) -> None:
    """Keep results, and one section of sounds for each set of data, and fill the page."""
    from benchmarks.update_docs import update

    write_json({"rows": rows, "sounds": []}, RESULT)  # before anything is drawn
    OUTPUT.mkdir(parents=True, exist_ok=True)
    titles = ("each class in turn", *(f"each class in turn, other data {number}" for number in range(1, len(heard))))
    named = zip(titles, heard.items(), strict=True)
    sections = [section(title, sounds, rates[key], OUTPUT) for title, (key, sounds) in named]
    result = {"rows": rows, "sounds": sections}
    write_json(result, RESULT)
    update()


class Judge:
    """Real clips, and a classifier of them."""

    classifier: ClipClassifier
    rate: int

    def __init__(self, config: SamplesTaskConfig, model: SampleModel) -> None:
        rate, classes = model.config.sample_rate, model.config.classes
        self.rate = rate
        self.clips = CodeClips(config.sources, rate, classes, round(config.longest_s * rate))
        self.training, self.held_out = self.clips.split(config.held_out)
        sounds, labels = self.real(self.training)
        self.classifier = train_classifier(sounds, labels, len(classes), rate)
        self.sounds, self.labels = self.real(self.held_out)
        self.heard = self.classifier.hear(self.sounds)
        self.training_features = self.classifier.hear(sounds).features

    def real(self, indices: Sequence[int]) -> tuple[list[Samples], list[int]]:
        """Clips as the models see them, and their classes from 0."""
        return [decode(self.clips.codes[i]) for i in indices], [self.clips.labels[i] - 1 for i in indices]

    def row_of_classes(self) -> Samples:
        """A real held-out clip of each class, in a row."""
        return in_a_row([self.sounds[self.labels.index(label)] for label in sorted(set(self.labels))], self.rate)

    def floor(self) -> dict[str, Any]:
        """What real clips reach: accuracy of held-out ones, and distances between real ones."""
        found = scores(self.heard.probabilities, self.heard.features, self.labels, self.training_features, self.labels)
        inside = frechet_distance(*halves(list(self.training_features[:, None])))
        return {**found.row(), "FD of halves": None if inside is None else inside.distance}


def judge_run(
    name: str, model: SampleModel, config: SamplesTaskConfig, judge: Judge, count: int, sounds: Path | None
) -> dict[str, Any]:
    rate, classes = model.config.sample_rate, len(model.config.classes)
    asked = [number % classes for number in range(count)] if classes else []
    row: dict[str, Any] = {
        "run": name,
        "count": count,
        "kind": model.config.kind,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "bits": bits(model, config, judge),
        "unigram_bits": judge.clips.unigram_bits(judge.held_out),
        "real": judge.floor(),
    }
    for kind, targets in {"conditional": asked, "unconditional": None}.items():
        if kind == "conditional" and not asked:
            continue
        styles = numbered(Style(seed=1), count)
        if targets is not None:
            named = model.config.classes
            styles = [Style(seed=s.seed, speaker=named[t]) for s, t in zip(styles, targets, strict=True)]
        made, taken = made_in_groups(model, styles, config.longest_s)
        heard = judge.classifier.hear(made)
        row[kind] = scores(heard.probabilities, heard.features, judge.labels, judge.training_features, targets).row()
        row[kind] |= {"real_time_factor": taken * rate / sum(map(len, made)), "rows": ROWS}
        if sounds is not None:
            folder = sounds / name / kind
            folder.mkdir(parents=True, exist_ok=True)
            for number, sound in enumerate(made[:20]):
                soundfile.write(folder / f"{number:02d}.wav", sound, rate)
    row["long"] = long_levels(model, rate)
    speed = generate(model, numbered(Style(seed=7), SPEED_ROWS), 1.0, to_the_end=True)
    row["speed"] = {"rows": SPEED_ROWS, "real_time_factor": speed.real_time_factor(rate)}
    return row


def generated_classes(model: SampleModel, seconds: float) -> Samples:
    """A generated sound of each class, in a row; of a model without classes, ten of any."""
    names = model.config.classes or (None,) * 10
    styles = [Style(seed=seed, speaker=name) for seed, name in enumerate(names)]
    return in_a_row(generate(model, styles, seconds).sounds, model.config.sample_rate)


def in_a_row(sounds: Sequence[Samples], rate: int) -> Samples:
    """With a little silence after each."""
    gap = np.zeros(round(GAP_S * rate), np.float32)
    return np.concatenate([part for sound in sounds for part in (np.asarray(sound, np.float32), gap)])


def bits(model: SampleModel, config: SamplesTaskConfig, judge: Judge) -> float:
    """Bits a sample of all held-out clips."""
    task = SamplesTask(config.model_copy(update={"validation_clips": len(judge.held_out)}), model, 0)
    totals = np.zeros(2)
    with torch.inference_mode():
        for codes, labels, lengths in task.validation_batches():
            count = int(lengths.sum())
            totals += (float(task.bits(codes, labels, lengths)) * count, count)
    return float(totals[0] / totals[1])


def made_in_groups(model: SampleModel, styles: Sequence[Style], seconds: float) -> tuple[list[Samples], float]:
    sounds: list[Samples] = []
    taken = 0.0
    for first in range(0, len(styles), ROWS):
        made = generate(model, styles[first : first + ROWS], seconds)
        sounds.extend(made.sounds)
        taken += made.taken_s
    return sounds, taken


def long_levels(model: SampleModel, rate: int) -> dict[str, Any]:
    """Root mean square of each second of ten, the loudest of eight rows: a runaway would end near 1."""
    made = generate(model, numbered(Style(seed=99), 8), LONG_S, to_the_end=True)
    levels = np.array([[np.sqrt(np.mean(part**2)) for part in np.split(sound, int(LONG_S))] for sound in made.sounds])
    return {"rms": [round(float(level), 4) for level in levels.max(0)], "rate": rate}


if __name__ == "__main__":
    main()
