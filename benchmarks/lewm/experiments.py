"""Six ways of LeWM TTS with the same budget: free or aligned speech, and a step that is a mean, a Gaussian or a flow.

    python -m benchmarks.lewm.experiments --config configs/lewm/kokoro.yaml --codec runs/lewm_codec --steps 700
        --corpus prepared/kokoro --ids configs/s4_spectrum/heldout.txt -o runs/lewm_table [--set KEY=VALUE …]

Each is trained for ``--steps``, over which the learning rate falls, exported and measured by `benchmarks.lewm.voice`;
what is there already is not done again. The table is printed; ``--write`` stores its figures and fills the page.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import commands
from benchmarks.lewm import voice_tables
from benchmarks.lewm.voice import measure, parts_of
from benchmarks.machine import ROOT, write_json
from ssmphony.config import load_json
from ssmphony.data.dataset import Corpus
from ssmphony.voices.package import load

CARD = ROOT / "configs" / "lewm" / "card.yaml"
WAYS: dict[str, tuple[str, ...]] = {
    f"{placement}-{head}": (
        *placed,
        f"voice.model.head={head}",
        f"voice.model.temperature={0.0 if head == 'mse' else 0.7}",
    )
    for placement, placed in {
        "free": ("voice.model.placement=free", "voice.model.pace_head=false"),
        "aligned": ("voice.model.placement=aligned",),
    }.items()
    for head in ("mse", "gaussian", "flow")
}


def measured(name: str, chosen: argparse.Namespace) -> Path:
    """The figures of one way, in a file. A training, a voice and figures that are there are not made again."""
    run, voice, figures = (chosen.output / f"{name}{end}" for end in ("", ".voice", ".json"))
    done = run / "done"
    if not done.exists():
        settings = (
            *WAYS[name],
            f"run.out={run}",
            f"task.optimiser.max_steps={chosen.steps}",
            f"task.codec={chosen.codec}",
        )
        commands.train(chosen.config, (*settings, *chosen.set))
        done.touch()
    if not (voice / "voice.json").exists():
        commands.run("export", run, voice, "--codec", chosen.codec, "--card", CARD)
    if not figures.exists():
        corpus = Corpus(path=str(chosen.corpus), only=str(chosen.ids))
        write_json(measure(load(voice, threads=1), parts_of(voice), corpus, chosen.count), figures)
    return figures


def result_of(folder: Path, steps: int, count: int) -> dict[str, Any]:
    """The figures of all ways that are measured."""
    found = {name: folder / f"{name}.json" for name in WAYS}
    ways = [{"name": name, **load_json(path)} for name, path in found.items() if path.exists()]
    return {"steps": steps, "count": count, "ways": ways}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", default=",".join(WAYS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the training")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="store the result and fill the page")
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    names = chosen.only.split(",")
    if unknown := set(names) - set(WAYS):
        parser.error(f"unknown way {', '.join(sorted(unknown))}: choose of {', '.join(WAYS)}")
    for name in names:
        measured(name, chosen)
    result = result_of(chosen.output, chosen.steps, chosen.count)
    print(voice_tables.experiments(result))
    if chosen.write:
        commands.store("lewm_experiments.json", result, write=True)


if __name__ == "__main__":
    main()
