"""A codec of codes on speakers that it has not been trained on, next to others.

    python -m benchmarks.fish.codec fsq=runs/fsq mel=runs/mel24 --cache FOLDER
        --corpus teacher=prepared/kokoro --ids configs/s4_spectrum/heldout.txt
        --corpus strangers=prepared/kokoro_others --ids configs/heldout/voice_clips.txt
        --corpus readers=prepared/en_libri --ids configs/heldout/readers.txt [--clips 20]
        [--usage prepared/kokoro] [--write]

The first codec is the one that the targets are for; the others stand next to it, each a run or a voice. ``--ids`` is
for the corpora before it. Figures of clips stay in the cache, so that a run that was stopped goes on. The recogniser
judges clips with phones alone: it knows Hindi only. ``--usage``: corpora whose first ``--usage-clips`` are encoded too,
since a codebook of 1,000 is not filled by a few clips.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.fish import tables
from benchmarks.fish.codecs import RATE, CodecUnderTest, codec_of, evenly, speeds
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.teacher.figures import estimate, mean
from benchmarks.update_docs import update
from ssmphony.arrays import Integers
from ssmphony.data.crops import CropSource
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.prepared import read_samples
from ssmphony.data.selection import select
from ssmphony.evaluation.journal import Journal
from ssmphony.evaluation.material import Rendition, Sentence
from ssmphony.evaluation.metrics.registry import measure
from ssmphony.evaluation.models.loading import load_models
from ssmphony.evaluation.run import without_nan
from ssmphony.evaluation.sample import samples_of
from ssmphony.text.registry import DEFAULT, build_frontend
from ssmphony.types import Samples, SsmphonyError

OUT = RESULTS / "fish_codec.json"
REVISION = 1
Row = dict[str, Any]


class Group(NamedTuple):
    """Clips of a prepared corpus."""

    name: str
    folder: Path
    clips: list[Clip]


def groups_of(corpora: Sequence[tuple[str, Path, str | None]], count: int) -> list[Group]:
    """corpora: name, folder and a file of ids, which may name clips of all corpora that share it."""
    chosen = select([CropSource(path=str(folder), only=ids) for _, folder, ids in corpora])
    return [Group(name, folder, evenly(clips, count)) for (name, folder, _), clips in zip(corpora, chosen, strict=True)]


def clip_row(clip: Clip, recording: Samples, copy: Samples, models: dict[str, Any], frontend: Any) -> Row:
    """What the product's own metrics say of both."""
    symbols, judges = clip.symbols or (), dict(models)
    if not symbols:
        judges.pop("recogniser", None)
    words = tuple(symbols[first:stop] for first, stop in clip.words)
    conditions = {"recording": Rendition(recording), "copy": Rendition(copy)}
    sentence = Sentence(clip.id, clip.text or "", symbols, words, RATE, conditions, frontend)
    return {name: measure(sample) for name, sample in samples_of(sentence, judges).items()}


def measured(codec: CodecUnderTest, groups: Sequence[Group], models: dict[str, Any], cache: Path) -> Row:
    """Figures of each group, with those of the recordings."""
    journal = Journal(cache, f"codec-{codec.name}", {"codec": codec.identity, "revision": REVISION, **_named(models)})
    done, frontend = journal.rows(), build_frontend({"kind": DEFAULT}, "codec")
    for group in groups:
        for clip in group.clips:
            if (key := f"{group.name} {clip.id}") in done:
                continue
            recording = read_samples(group.folder / clip.audio, RATE)
            done[key] = {**clip_row(clip, recording, codec.copy(recording), models, frontend), "id": key}
            journal.add(done[key])
            print(f"{codec.name}: {key}", flush=True)
    return {group.name: figures([done[f"{group.name} {clip.id}"] for clip in group.clips]) for group in groups}


def _named(models: dict[str, Any]) -> Row:
    return {"models": sorted(models)}


def figures(rows: Sequence[Row]) -> Row:
    """Means with standard errors; losses and ratios of the copies in relation to their recordings."""

    def of(condition: str, name: str) -> list[float | None]:
        return [row[condition].get(name) for row in rows]

    found: Row = {"clips": len(rows)}
    for name in ("pesq_wb", "stoi", "stft", "mcd_db", "log_f0_rmse", "voicing"):
        found[name] = mean(of("copy", name))
    for name in ("distillmos", "character_error", "phone_error"):
        found[name] = mean(of("copy", name))
        found[f"recording_{name}"] = mean(of("recording", name))
    pairs = list(zip(of("recording", "distillmos"), of("copy", "distillmos"), strict=True))
    found["distillmos_loss"] = mean([None if a is None or b is None else a - b for a, b in pairs])
    for name in ("character_error", "phone_error"):
        both = zip(of("copy", name), of("recording", name), strict=True)
        told = [(a, b) for a, b in both if a is not None and b is not None]
        found[f"{name}_ratio"] = estimate(told, lambda sums: sums[0] / np.maximum(sums[1], 1e-12))
    return found


def codebook_use(codes: Integers, sizes: Sequence[int], frame_rate: float) -> Row:
    """codes (frame, codebook) → the share of each codebook that occurs, its entropy in bits, and bits a second."""
    counts = [np.bincount(codes[:, k], minlength=size) for k, size in enumerate(sizes)]
    shares = [count / count.sum() for count in counts]
    bits = [float(-(share[share > 0] * np.log2(share[share > 0])).sum()) for share in shares]
    return {
        "frames": len(codes),
        "used": [float((count > 0).mean()) for count in counts],
        "bits": bits,
        "kbit_s": float(frame_rate * np.log2(sizes).sum() / 1e3),
        "entropy_kbit_s": frame_rate * sum(bits) / 1e3,
    }


def properties(codec: CodecUnderTest, groups: Sequence[Group], corpora: Sequence[Path], clips: int) -> Row:
    """What does not depend on a judge: bits, use of codebooks, speed, lookahead."""
    grid, encoder = codec.decoder.grid, codec.encoder
    held_out = [(group.folder / clip.audio) for group in groups for clip in group.clips]
    found: Row = {
        "parameters": codec.parameters,
        "frame_rate": grid.frame_rate,
        "codebooks": list(grid.codebooks),
        "channels": grid.channels,
        "lookahead_ms": 1e3 * codec.lookahead_s,
        "speed": speeds(codec, [read_samples(path, RATE) for path in held_out[:8]]),
    }
    if grid.codebooks:
        more = [folder / clip.audio for folder in corpora for clip in evenly(read_manifest(folder), clips)]
        made = [np.asarray(encoder.encode(read_samples(path, RATE)[None]))[0] for path in [*held_out, *more]]
        found["use"] = codebook_use(np.concatenate(made), grid.codebooks, grid.frame_rate)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("codecs", nargs="+", type=_pair, metavar="NAME=FOLDER")
    options.add_argument("--cache", type=Path, required=True)
    options.add_argument("--corpus", dest="corpora", action=_Corpus, type=_pair, default=[], metavar="NAME=PREPARED")
    options.add_argument("--ids", dest="corpora", action=_Ids, help="clips of the corpora before it")
    options.add_argument("--clips", type=int, default=20, help="of each corpus (20)")
    options.add_argument("--usage", type=Path, action="append", default=[], help="a prepared corpus to encode")
    options.add_argument("--usage-clips", type=int, default=200)
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    options.add_argument("--output", type=Path, help="store the result here, too")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    try:
        groups = groups_of(arguments.corpora, arguments.clips)
        models = load_models(quick=True)
        models.found.pop("dnsmos", None)
        print("".join(f"without {name}: {why}\n" for name, why in models.missing.items()), end="")
        rows: dict[str, Row] = {}
        for name, folder in arguments.codecs:
            codec = codec_of(name, folder)
            rows[name] = properties(codec, groups, arguments.usage, arguments.usage_clips)
            rows[name]["groups"] = measured(codec, groups, models.found, arguments.cache)
    except SsmphonyError as error:
        sys.exit(str(error))
    result = without_nan({"date": date.today().isoformat(), "machine": machine(1), "codecs": rows})
    print(tables.codec(result))
    if arguments.output:
        write_json(result, arguments.output)
    if arguments.write:
        write_json(result, OUT)
        update()


def _pair(argument: str) -> tuple[str, Path]:
    name, _, path = argument.partition("=")
    if not name or not path:
        raise argparse.ArgumentTypeError(f"'{argument}' is not NAME=FOLDER")
    return name, Path(path)


class _Corpus(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        namespace.corpora = [*namespace.corpora, (*values, None)]


class _Ids(argparse.Action):
    """Fills in those that have no file yet."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        namespace.corpora = [(name, path, ids or values) for name, path, ids in namespace.corpora]


if __name__ == "__main__":
    main()
