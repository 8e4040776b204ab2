"""Six ways of LeWM TTS with the same budget: free or aligned speech, and a step that is a mean, a Gaussian or a flow.

    python -m benchmarks.lewm.experiments --config configs/lewm/kokoro.yaml --codec runs/lewm_codec --minutes 20
        --corpus prepared/kokoro --ids configs/s4_spectrum/heldout.txt -o runs/lewm_table [--set KEY=VALUE …]

Each is trained for ``--minutes``, exported and measured by `benchmarks.lewm.voice`; what is there already is not done
again. The table is printed, and written to ``table.md`` in the folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import commands
from benchmarks.lewm.voice import measure, parts_of
from benchmarks.machine import ROOT, write_json
from benchmarks.tables import table
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
        settings = (*WAYS[name], f"run.out={run}", f"run.minutes={chosen.minutes}", f"task.codec={chosen.codec}")
        commands.train(chosen.config, (*settings, *chosen.set))
        done.touch()
    if not (voice / "voice.json").exists():
        commands.run("export", run, voice, "--codec", chosen.codec, "--card", CARD)
    if not figures.exists():
        corpus = Corpus(path=str(chosen.corpus), only=str(chosen.ids))
        write_json(measure(load(voice, threads=1), parts_of(voice), corpus, chosen.count), figures)
    return figures


def rows_of(folder: Path) -> list[list[str]]:
    """The rows of those that are measured."""
    rows: list[list[str]] = []
    for name in WAYS:
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        free, true = found["means"]["synthesize"], found["means"]["recording"]
        ratio = found["rollout"]["ratio"]
        figures = [free.get("characters"), true.get("characters"), free.get("distillmos"), free["mel_l1"], ratio]
        rows.append([*name.split("-"), *("–" if value is None else f"{value:.3f}" for value in figures)])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", default=",".join(WAYS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the training")
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    names = chosen.only.split(",")
    if unknown := set(names) - set(WAYS):
        parser.error(f"unknown way {', '.join(sorted(unknown))}: choose of {', '.join(WAYS)}")
    for name in names:
        measured(name, chosen)
    heads = ["place in the text", "step", "character error", "of recordings", "DistillMOS", "mel L1", "64 ahead over 1"]
    text = table(heads, rows_of(chosen.output))
    (chosen.output / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
