"""The network of the report trains as it did there, and its competitor with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ssmphony.codecs.s4d_legacy import LegacyAutoencoder, LegacyVae
from ssmphony.data.code_clips import ClipSource
from ssmphony.data.manifest import Clip, write_manifest
from ssmphony.data.stretches import read_stretches
from ssmphony.export.weights import read_weights
from ssmphony.training.run import train
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import scalars

CONFIG = Path(__file__).resolve().parents[3] / "configs/s4d_autoencoder"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers, of whom each has three clips of a second: clip n is a tone of 100 (n + 1) Hz."""
    folder = tmp_path_factory.mktemp("tones")
    (folder / "audio").mkdir()
    rows: list[Clip] = []
    for number in range(6):
        samples = 0.5 * np.sin(2 * np.pi * 100 * (number + 1) * np.arange(6_000) / 6_000)
        soundfile.write(folder / "audio" / f"{number}.flac", samples, 6_000)
        speaker = "one" if number < 3 else "two"
        rows.append(Clip(id=str(number), audio=f"audio/{number}.flac", seconds=1.0, speaker=speaker, language="und"))
    write_manifest(folder, rows)
    return folder


def test_clips_of_a_speaker_are_joined_and_cut(corpus: Path) -> None:
    first, second = read_stretches([ClipSource(path=str(corpus))], 3_000, 7_500)
    assert first.shape == second.shape == (7_500,)
    for stretch, tones in ((first, (100, 200, 300)), (second, (400, 500, 600))):
        for place, hertz in enumerate(tones):
            part = stretch[place * 3_000 + 200 : place * 3_000 + 1_400]
            spectrum = np.abs(np.fft.rfft(part))
            assert spectrum.argmax() * 3_000 / len(part) == pytest.approx(hertz, abs=5)


def test_too_little_sound_is_said(corpus: Path) -> None:
    with pytest.raises(SsmphonyError, match="no 4 s of sound of one speaker"):
        read_stretches([ClipSource(path=str(corpus))], 3_000, 12_000)


@pytest.mark.parametrize(
    ("file", "kind", "lr", "steps"), [("legacy", LegacyAutoencoder, 0.02, 40), ("legacy_vae", LegacyVae, 0.003, 200)]
)
def test_it_trains(
    corpus: Path, tmp_path: Path, file: str, kind: type[LegacyAutoencoder | LegacyVae], lr: float, steps: int
) -> None:
    settings = (
        f"task.sources=[{{path: {corpus}}}]",
        f"task.validation=[{{path: {corpus}}}]",
        "task.length=2000",
        f"task.optimiser={{lr: {lr}, betas: [0.9, 0.98], warmup: 2, max_steps: {steps}}}",
        f"run.validate_every={steps // 8}",
        "run.ema=0.5",
        "run.progress=false",
        f"run.out={tmp_path / 'run'}",
    )
    train(CONFIG / f"{file}.yaml", settings)
    error = scalars(tmp_path / "run")["val/error"]
    assert error[max(error)] < error[min(error)]
    network = kind(2_000)
    network.load_state_dict(read_weights(tmp_path / "run", "model"))
    assert isinstance(network, torch.nn.Module)
