"""Sounds end where silence begins, and come from an exported voice as from its training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from ssmphony.audio.mu_law import SILENCE
from ssmphony.cli import app
from ssmphony.export.samples import export_samples, load_samples
from ssmphony.export.voice import CardConfig
from ssmphony.models.generate import end_of, generate
from ssmphony.models.samples import draw, numbered
from ssmphony.models.sashimi import SashimiConfig
from ssmphony.types import SsmphonyError, Style

RATE = 8_000
GAP = 320  # samples of END_S


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a training leaves behind."""
    torch.manual_seed(0)
    config = SashimiConfig.tiny()["mamba"]
    folder = tmp_path / "run"
    folder.mkdir()
    task = {"kind": "samples", "model": config.model_dump(mode="json")}
    (folder / "config.json").write_text(json.dumps({"task": task}), encoding="utf-8")
    state = {f"voice.model.{name}": value for name, value in config.build().state_dict().items()}
    torch.save({"state_dict": state, "step": 1, "trains": "model"}, folder / "last.ckpt")
    return folder


def test_a_sound_ends_at_its_first_long_silence() -> None:
    def end(*runs: tuple[int, int]) -> int:
        return end_of(np.concatenate([np.full(count, code) for code, count in runs]), RATE)

    assert end((100, 500), (SILENCE, GAP + 1), (90, 50)) == 500
    assert end((100, 500), (SILENCE, GAP - 10), (90, 50)) == 550 + GAP - 10
    assert end((SILENCE, 1_000), (90, 50), (SILENCE, 1_000)) == 1_050
    assert end((SILENCE, 1_000)) == 1_000


def test_an_exported_voice_writes_what_its_training_does(run: Path, tmp_path: Path) -> None:
    out = export_samples(run, CardConfig(name="tiny", language="hi", licence="CC0"), tmp_path / "voice")
    assert {path.name for path in out.iterdir()} == {"README.md", "voice.json", "weights.safetensors"}
    assert "licence: CC0" in (out / "README.md").read_text(encoding="utf-8")
    styles = numbered(Style(seed=1, speaker="two"), 3)
    first, second = (generate(load_samples(path), styles, 0.02).sounds for path in (run, out))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(SsmphonyError, match="exists"):
        export_samples(run, CardConfig(name="tiny", language="hi"), out)


def test_guidance_mixes_the_logits_with_and_without_the_class() -> None:
    torch.manual_seed(3)
    config = SashimiConfig.tiny()["mamba"]
    model = config.model_copy(update={"guidance": 2.5}).build().eval()
    styles = [Style(seed=4, speaker="two"), Style(seed=5), Style(seed=6, speaker="one")]
    codes = model.step(model.begin(styles))[0][..., 0]
    labels = torch.tensor([model.label(style.speaker) for style in styles])
    with torch.inference_mode():
        own, of_any = (model(codes, each).log_softmax(-1) for each in (labels, torch.zeros_like(labels)))
    for row, style in enumerate(styles):
        uniform = torch.from_numpy(np.random.Generator(np.random.Philox(key=style.seed)).random(config.block))
        expected = draw(of_any[row] + 2.5 * (own[row] - of_any[row]), uniform, torch.ones(config.block))
        assert (codes[row] == expected).all()
        assert (model.step(model.begin([style]))[0][0, :, 0] == codes[row]).all()
    plain = config.build()
    plain.load_state_dict(model.state_dict())
    assert (plain.step(plain.begin(styles[1:2]))[0][0, :, 0] == codes[1]).all()
    assert (plain.step(plain.begin(styles[:1]))[0][0, :, 0] != codes[0]).any()


def test_the_command_writes_files_and_says_how_long_it_took(run: Path, tmp_path: Path) -> None:
    command = ["generate", "--voice", str(run), "-o", str(tmp_path / "out"), "-n", "2", "--seed", "5"]
    done = CliRunner().invoke(app, [*command, "--class", "one", "--seconds", "0.05", "--to-the-end"])
    assert done.exit_code == 0, done.output
    assert "2 sounds" in done.stdout
    assert "of computing per second" in done.stdout
    for seed in (5, 6):
        samples, rate = soundfile.read(tmp_path / "out" / f"one-{seed}.wav")
        assert (len(samples), rate) == (400, RATE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--class", "three"), "no class 'three'; the model knows one, two"), (("--voice", "."), "no model that writes")],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], message: str, run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["generate", "--voice", str(run), "-o", str(tmp_path / "out"), *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert not (tmp_path / "out").exists()
