"""Autoencoders of waveforms: how well they copy recordings of unseen speakers, and what their priors generate.

    python -m benchmarks.autoencoders RUN … --data NAME=PREPARED[,IDS] … [--legacy RUN RUN] [--cache FOLDER] [--write]

A run is the folder of a training of the task ``codec``, or of a voice whose codec encodes. ``IDS`` is a file of clips
of PREPARED that alone are taken: those that no run was trained on. ``--legacy`` names a training of the report's
network and one of its VAE (configs/s4d_autoencoder/legacy.yaml, legacy_vae.yaml). ``--write`` keeps the result,
sounds and pictures, and fills the page; what is found for the same weights stays in the cache. All are compared at
16 kHz.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.autoencoders import legacy, page
from benchmarks.autoencoders.codecs import RATE, Run, copies, generated, load
from benchmarks.machine import RESULTS, write_json
from benchmarks.trainings import kept
from ssmphony.arrays import Floats
from ssmphony.audio.files import read_audio
from ssmphony.audio.pitch import track_pitch
from ssmphony.audio.resample import resample
from ssmphony.data.crops import CropSource
from ssmphony.data.selection import select
from ssmphony.evaluation.frechet.distance import frechet_distance, halves, reduced
from ssmphony.evaluation.frechet.features import FEATURES, Features, chosen
from ssmphony.evaluation.frechet.references import spread
from ssmphony.evaluation.metrics.distance import compare
from ssmphony.evaluation.metrics.fidelity import si_sdr, stft_distance
from ssmphony.evaluation.metrics.prosody import compare_pitch
from ssmphony.evaluation.models.loading import load_models
from ssmphony.evaluation.statistics import of_mean
from ssmphony.types import MelFormat, Samples, SsmphonyError

MEL = MelFormat(RATE, 1024, 256, 80, 0.0, RATE / 2)
RESULT = RESULTS / "autoencoders.json"
REPORTED = ("mel", "speaker", "recogniser", "distillmos")
NOISE_SEED = 1


Extracted = dict[str, list[Floats]]
"""Features of sounds, by set: (window, channel) of each sound."""


@dataclass(frozen=True)
class Material:
    """What a codec is measured on, and by what: recordings by kind, and sets of features with the models they need.

    A prior generates ``count`` sounds of ``seconds`` each.
    """

    recordings: Mapping[str, Sequence[Samples]]
    features: Mapping[str, Features]
    models: Mapping[str, Any]
    count: int
    seconds: float

    def extracted(self, sounds: Sequence[Samples]) -> Extracted:
        """Their features."""
        return {
            name: [kind.extract(sound, RATE, self.models) for sound in sounds] for name, kind in self.features.items()
        }

    @cached_property
    def recorded(self) -> dict[str, Extracted]:
        """Of the recordings, by kind."""
        return {name: self.extracted(sounds) for name, sounds in self.recordings.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PREPARED[,IDS]", help="recordings")
    parser.add_argument("--clips", type=int, default=40, help="recordings of each kind, at most")
    parser.add_argument("--count", type=int, default=512, help="sounds that a prior generates")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a sound that a prior generates")
    parser.add_argument("--features", nargs="+", default=list(REPORTED), choices=list(FEATURES))
    parser.add_argument("--legacy", nargs=2, type=Path, metavar="RUN", help="the report's network, and its VAE")
    parser.add_argument("--cache", type=Path, help="a folder in which the figures of each run stay")
    parser.add_argument("--write", action="store_true", help="store result, sounds and pictures; fill the pages")
    options = parser.parse_args(arguments)
    models = load_models().found if options.data else {}
    features = chosen(
        [name for name in options.features if not FEATURES[name].needs or FEATURES[name].needs in models], models
    )
    data = recordings(options.data, options.clips)
    material = Material(data, features, models, options.count, options.seconds)
    runs = [load(path) for path in options.runs]
    stamp = {name: getattr(options, name) for name in ("data", "clips", "count", "seconds", "features")}
    result: dict[str, Any] = {
        "features": {name: kind.title for name, kind in features.items()},
        "left_out": sorted(set(options.features) - set(features)),
        "clips": {name: len(sounds) for name, sounds in data.items()},
        "runs": [
            kept(options.cache, path, stamp, partial(judge, run, material))
            for path, run in zip(options.runs, runs, strict=True)
        ],
        "floor": {name: floor(recorded) for name, recorded in material.recorded.items()},
        "bounds": bounds(material) if data else {},
    }
    if options.legacy:
        result["legacy"] = legacy.measure(*options.legacy)
    if not options.write:
        sys.stdout.write(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        return
    from benchmarks.update_docs import update

    write_json(result, RESULT)  # before anything is drawn: these figures have taken an hour
    result["sounds"] = page.write(runs, data)
    write_json(result, RESULT)
    update()


def recordings(named: Sequence[str], most: int) -> dict[str, list[Samples]]:
    """Name → recordings at `RATE`, of the clips that each ``NAME=PREPARED[,IDS]`` means."""
    sources: dict[str, CropSource] = {}
    for one in named:
        name, _, place = one.partition("=")
        folder, _, ids = place.partition(",")
        if not folder:
            raise SsmphonyError(f"'{one}': give NAME=PREPARED, or NAME=PREPARED,IDS")
        sources[name] = CropSource(path=folder, only=ids or None)
    found: dict[str, list[Samples]] = {}
    for (name, source), clips in zip(sources.items(), select(list(sources.values())), strict=True):
        sounds = (read_audio(Path(source.path) / clip.audio) for clip in spread(clips, most))
        found[name] = [resample(samples, rate, RATE) for samples, rate in sounds]
    return found


def judge(run: Run, material: Material) -> dict[str, Any]:
    """A codec's row: what it costs, its copies by kind of recording, and what its prior generates."""
    row: dict[str, Any] = {
        "name": run.name,
        "parameters": run.parameters,
        **run.compression,
        "reconstruction": {},
        "generation": {},
    }
    for name, sounds in material.recordings.items():
        made = copies(run, sounds)
        row["reconstruction"][name] = {
            **fidelity(sounds, made, material.models),
            "FD": distances(material.extracted(made), material.recorded[name]),
        }
    if (prior := run.prior) is not None:
        made = material.extracted(generated(prior, material.count, material.seconds))
        row["generation"] = {name: distances(made, recorded) for name, recorded in material.recorded.items()}
    return row


def fidelity(sounds: Sequence[Samples], made: Sequence[Samples], models: Mapping[str, Any]) -> dict[str, Any]:
    """Mean and interval of each distance between recordings and their copies."""
    rows: dict[str, list[float]] = {}
    for sound, copy in zip(sounds, made, strict=True):
        steps = np.arange(1 + len(sound) // MEL.hop_length)
        pitch = compare_pitch(track_pitch(sound, MEL), track_pitch(copy, MEL), np.stack([steps, steps], axis=1))
        found = {
            "mel_l1": compare(sound, copy, MEL, aligned=True).mel_l1,
            "mr_stft": stft_distance(sound, copy),
            "si_sdr": si_sdr(sound, copy),
            "log_f0_rmse": pitch.log_f0_rmse,
            "voicing": pitch.voicing,
        }
        found |= {name: models[name](sound, copy, RATE) for name in ("pesq", "stoi") if name in models}
        for name, value in found.items():
            rows.setdefault(name, []).append(value)
    return {name: interval._asdict() for name, values in rows.items() if (interval := of_mean(values)) is not None}


def distances(made: Extracted, recorded: Extracted) -> dict[str, Any]:
    """Fréchet distances of generated or copied sounds from recordings, by set of features."""
    found: dict[str, Any] = {}
    for name in made:
        result = frechet_distance(*reduced(made[name], recorded[name]))
        found[name] = None if result is None else {**result._asdict(), "rough": result.rough}
    return found


def floor(recorded: Extracted) -> dict[str, Any]:
    """Two random halves of the recordings: what no codec can be asked to go below."""
    parts = {name: halves(windows) for name, windows in recorded.items()}
    first, second = ({name: pair[side] for name, pair in parts.items()} for side in (0, 1))
    return distances(first, second)


def bounds(material: Material) -> dict[str, Any]:
    """White noise as loud as the recordings, in the place of what a prior generates: what is far."""
    random = np.random.default_rng(NOISE_SEED)
    everything = np.concatenate([sound for sounds in material.recordings.values() for sound in sounds])
    level, length = float(np.sqrt(np.mean(everything**2))), round(material.seconds * RATE)
    noise = [level * random.standard_normal(length).astype(np.float32) for _ in range(material.count)]
    made = material.extracted(noise)
    return {name: distances(made, recorded) for name, recorded in material.recorded.items()}


if __name__ == "__main__":
    main()
