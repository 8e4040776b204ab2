"""How text is followed, how the codes of a frame are made, and by which layers: one row each, on one budget.

    python -m benchmarks.fish.experiments --prepared prepared/kokoro --codec runs/fsq --work FOLDER
        [--steps 500] [--only aligned-parallel-mamba2 ...] [--all] [--write]

Every row is a short training of ``configs/fish/base.yaml`` at a small size with the same data, steps and parameters
(within 3 %; those of ``cross`` and ``depth`` in addition), then free speech of the clips of
``configs/s4_spectrum/heldout.txt``, next to the codec's copy of them. Without ``--only``, what differs from the base in
one thing, and the transformer that reads the text first; ``--all``: all 27. A training that was stopped goes on; a row
that is there is not made again. Compare rows of one run only: all are far from the end of their training.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import commands
from benchmarks.curves import scalars
from benchmarks.fish import tables
from benchmarks.fish.codecs import RATE, network_of
from benchmarks.fish.growth import layers_size
from benchmarks.machine import RESULTS, ROOT, machine, write_json
from benchmarks.update_docs import update
from ssmphony.codecs.codec import TrainableCodec
from ssmphony.config import load_json
from ssmphony.data.crops import CropSource
from ssmphony.data.manifest import Clip
from ssmphony.data.prepared import read_samples
from ssmphony.data.selection import select
from ssmphony.evaluation.material import tokens_of
from ssmphony.evaluation.models.recogniser import SpeechRecogniser, character_edits, word_faults
from ssmphony.export.weights import read_weights
from ssmphony.models.fish import FishConfig
from ssmphony.models.fish_model import Fish
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Samples, SsmphonyError, Style

CONFIG = ROOT / "configs" / "fish" / "base.yaml"
HELD_OUT = ROOT / "configs" / "s4_spectrum" / "heldout.txt"
OUT = RESULTS / "fish_experiments.json"
TEXTS, FRAMES = ("aligned", "cross", "prefix"), ("parallel", "delay", "depth")
MIXERS = {
    "mamba2": ("mixers=[mamba2, s4]",),
    "mamba": ("mixers=[mamba, s4]",),
    "attention": ("mixers=[{kind: attention, window: 640}]", "d_ffn=304"),
}
"""Settings of the model; the feed-forwards of attention have what makes the layers of equal size."""
SIZE = ("d_model=128", "repeats=4", "text_ffn=256", "d_depth=96", "d_style=0")
DELIBERATE = ("prefix-parallel-attention",)
"""The source's own, besides what differs from the base in one thing."""
TIMED_FRAMES = 40
Row = dict[str, Any]


class Experiment(NamedTuple):
    text: str = TEXTS[0]
    frame: str = FRAMES[0]
    mixers: str = "mamba2"

    @property
    def name(self) -> str:
        return "-".join(self)

    @property
    def settings(self) -> list[str]:
        own = (*SIZE, f"text={self.text}", f"frame={self.frame}", *MIXERS[self.mixers])
        return [f"voice.model.{setting}" for setting in own]


EVERY = {found.name: found for found in map(Experiment._make, product(TEXTS, FRAMES, MIXERS))}
FEW = [name for name, one in EVERY.items() if sum(a != b for a, b in zip(one, Experiment(), strict=True)) < 2]


def train(experiment: Experiment, arguments: argparse.Namespace) -> tuple[Path, float | None]:
    """The run, trained to its end in a process of its own, and its processor-seconds a step, starting included; None
    of a run that was there."""
    run: Path = arguments.work / experiment.name
    known = latest(run, "train/loss")
    if known is not None and known[0] >= arguments.steps:
        return run, None
    settings = [
        f"run.out={run}",
        f"task.codec={arguments.codec}",
        f"task.corpora=[{{path: {arguments.prepared}, exclude: {HELD_OUT}}}]",
        f"task.validation=[{{path: {arguments.prepared}, only: {HELD_OUT}}}]",
        f"task.optimiser.max_steps={arguments.steps}",
        f"task.optimiser.warmup={min(100, arguments.steps // 4 + 1)}",
        "task.batch_size=12",
        "task.max_frames=3000",
        f"run.validate_every={arguments.steps}",
        f"run.precision={arguments.precision}",
        "run.ema=0.99",
        "run.progress=false",
        *experiment.settings,
    ]
    done = known[0] if known else 0
    return run, commands.train(CONFIG, settings) / max(1, arguments.steps - done)


def latest(run: Path, name: str) -> tuple[int, float] | None:
    """The last step and value of a scalar that the training logged."""
    return (scalars(run).get(name) or [None])[-1]


def trained(run: Path) -> tuple[Fish, tuple[str, ...], FishConfig]:
    """The model of a run, the frontend's symbols and the config."""
    block = VoiceConfig(**load_json(run / "config.json")["voice"])
    symbols = block.frontend_symbols()
    config: FishConfig = block.model_settings(len(symbols))
    model = config.build()
    load_exactly(model, read_weights(run, "model"), run, "voice.model")
    return model.eval().requires_grad_(False), symbols, config


@torch.inference_mode()
def freely(
    model: Fish, codec: TrainableCodec, clips: list[Clip], symbols: tuple[str, ...]
) -> list[tuple[Samples, bool]]:
    """What the model says of the clips' phones, in one batch, and whether it foresaw the end of each."""
    tokens = [tokens_of(clip, symbols) for clip in clips]
    known = model.speaker_names
    styles = [Style(speaker=clip.speaker if clip.speaker in known else None) for clip in clips]
    state = model.begin(tokens, styles)
    most, parts, counts = state.max_frames.clone(), list[torch.Tensor](), list[torch.Tensor]()
    while not bool(state.done.all()):
        made, state = model.step(state)
        parts.append(made.values)
        counts.append(made.lengths)
    frames, lengths = torch.cat(parts, dim=1), torch.stack(counts).sum(0)
    return [
        (codec.render(frames[row : row + 1, :length]).samples[0].numpy(), length < int(most[row]))
        for row, length in enumerate(lengths.tolist())
    ]


@torch.inference_mode()
def ms_a_frame(model: Fish, clip: Clip, symbols: tuple[str, ...]) -> float:
    """Processor time of a frame of one stream in PyTorch."""
    state = model.begin([tokens_of(clip, symbols)], [Style()])
    for _ in range(4):
        state, *_ = model.one_frame(state)
    begin = time.process_time()
    for _ in range(TIMED_FRAMES):
        state, *_ = model.one_frame(state)
    return 1e3 * (time.process_time() - begin) / TIMED_FRAMES


def heard(listen: SpeechRecogniser, samples: Samples, clip: Clip) -> Row:
    """Wrong and possible characters, and words skipped or repeated."""
    symbols = clip.symbols or ()
    recognition = listen(samples, RATE)
    faults = word_faults(recognition, [symbols[first:stop] for first, stop in clip.words])
    possible = len(recognition.alphabet.character_classes(clip.text))
    return {
        "wrong": character_edits(recognition, clip.text).total,
        "possible": possible,
        "faults": len(faults.skipped) + len(faults.repeated),
    }


@torch.inference_mode()
def copy_of(codec: TrainableCodec, samples: Samples) -> Samples:
    return codec.render(torch.as_tensor(codec.encode(samples[None]))).samples[0].numpy()


def judge(experiment: Experiment, run: Path, seconds: float | None, arguments: argparse.Namespace) -> Row:
    model, symbols, config = trained(run)
    codec, listen = network_of(arguments.codec), SpeechRecogniser()
    (clips,) = select([CropSource(path=str(arguments.prepared), only=str(HELD_OUT))])
    free = freely(model, codec, clips, symbols)
    rows = [heard(listen, samples, clip) for (samples, _), clip in zip(free, clips, strict=True)]
    copied = [
        heard(listen, copy_of(codec, read_samples(arguments.prepared / clip.audio, RATE)), clip) for clip in clips
    ]
    words, loss = sum(len(clip.words) for clip in clips), latest(run, "val/codes")
    inner = len(config.codebooks) - 1 if config.frame == "depth" else 0
    return {
        **experiment._asdict(),
        "steps": arguments.steps,
        "clips": len(clips),
        "parameters": sum(part.numel() for part in model.parameters()),
        "layers": layers_size(model),
        "validation": loss[1] if loss else None,
        "characters": [sum(row["wrong"] for row in rows), sum(row["possible"] for row in rows)],
        "copy_characters": [sum(row["wrong"] for row in copied), sum(row["possible"] for row in copied)],
        "faults_per_1000": 1e3 * sum(row["faults"] for row in rows) / words,
        "unended": sum(not ended for _, ended in free),
        "ms_a_frame": ms_a_frame(model, clips[0], symbols),
        "passes_a_second": codec.grid.frame_rate * (1 + inner),
        "seconds_a_step": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="the prepared corpus of the teacher's speech")
    parser.add_argument("--codec", type=Path, required=True, help="the run of the codec")
    parser.add_argument("--work", type=Path, required=True, help="trainings and rows stay here")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--precision", default="32-true", help="bf16-mixed is faster where the processor has it")
    parser.add_argument("--only", nargs="+", choices=EVERY)
    parser.add_argument("--all", action="store_true", help="all of text, frame and mixers")
    parser.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    known = arguments.work / f"rows-{arguments.steps}.json"
    rows: dict[str, Row] = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    for name in arguments.only or (EVERY if arguments.all else [*FEW, *DELIBERATE]):
        if name not in rows:
            try:
                run, seconds = train(EVERY[name], arguments)
                rows[name] = judge(EVERY[name], run, seconds, arguments)
            except SsmphonyError as error:
                sys.exit(str(error))
            write_json(rows, known)
        print(tables.experiments(rows), flush=True)
    if arguments.write:
        write_json({"machine": machine(1), "rows": rows}, OUT)
        update()


if __name__ == "__main__":
    main()
