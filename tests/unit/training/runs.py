"""Short trainings for tests, and the files they write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssmphony.training import lewm_pictures, pictures
from ssmphony.training.tasks.fish import FishTask
from ssmphony.training.tasks.latents import LatentsTask
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask
from ssmphony.training.tasks.s4_spectrum import S4SpectrumTask

CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "tiny"
STEPS = 10
FILES = {"codec": "mel_vocoder.yaml"}
"""Of the tasks that are not named after a system."""
#: What draws pictures and makes sounds of validation clips: owner and name.
PICTURES: tuple[tuple[Any, str], ...] = (
    (S4AcousticTask, "_show"),
    (S4SpectrumTask, "_show"),
    (FishTask, "_speak"),
    (LatentsTask, "_speak"),
    (pictures, "log_sounds"),
    (pictures, "log_mels"),
    (pictures, "log_audio"),
    (pictures, "log_figure"),
    (lewm_pictures, "show_clip"),
)


def settings(kind: str, corpus: Path, out: Path, *more: str) -> tuple[Path, tuple[str, ...]]:
    """A training file and its overrides: ten steps of ``kind``, of those in ``configs/tiny``, with all losses on."""
    clips = (
        f"task.corpora=[{{path: {corpus}, weight: 1.5, exclude: {_held_out(corpus)}}}]",
        f"task.validation=[{{path: {corpus}, only: {_held_out(corpus)}}}]",
    )
    own = {
        "s4_acoustic": (
            *clips,
            "voice.model.d_model=16",
            "task.ssim_weight=0.5",
            "task.adversary={start_step: 3, width: 2, windows: [8, 300]}",
        ),
        "recogniser": clips,
        "fish": clips,
        "lewm": clips,
        "latents": clips,
        "s4_spectrum": (
            *clips,
            "task.adversarial={periods: [], windows: [], pictures: {width: 2}, start_step: 3, mel_weight: 20}",
        ),
        "smamba": (
            *clips,
            "task.adversarial={periods: [], windows: [], pictures: {width: 2}, start_step: 3, mel_weight: 20}",
        ),
        "codec": (
            f"task.sources=[{{path: {corpus}}}]",
            f"task.validation={corpus}",
            f"task.validation_ids={_held_out(corpus)}",
            "task.adversarial.start_step=3",
        ),
    }
    common = (
        f"task.optimiser.max_steps={STEPS}",
        "task.optimiser.warmup=3",
        "run.accelerator=cpu",
        "run.threads=1",
        "run.log_every=1",
        "run.validate_every=4",
        "run.checkpoint_steps=3",
        "run.progress=false",
        f"run.out={out}",
    )
    return CONFIGS / FILES.get(kind, f"{kind}.yaml"), (*own[kind], *common, *more)


def _held_out(corpus: Path) -> Path:
    path = corpus / "held_out.txt"
    path.write_text("clip-0\n", encoding="utf-8")
    return path


def events(out: Path) -> EventAccumulator:
    """What the latest training in this folder logged to TensorBoard."""
    newest = max((out / "tensorboard").glob("events.*"), key=lambda path: path.stat().st_mtime_ns)
    found = EventAccumulator(str(newest), size_guidance={"scalars": 0, "images": 0, "audio": 0})
    found.Reload()
    return found


def scalars(out: Path) -> dict[str, dict[int, float]]:
    """Name → step → value."""
    found = events(out)
    return {
        name: {event.step: event.value for event in found.Scalars(name)}
        for name in found.Tags()["scalars"]
        if name.startswith(("train/", "val/"))
    }


def checkpoint(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Exactly equal, through all mappings and lists."""
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other, where
