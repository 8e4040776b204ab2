"""Every training file that we ship is valid: each of its blocks is read by the class that it configures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssmphony.config import load_yaml, parse
from ssmphony.export.speakers import offer
from ssmphony.export.voice import CardConfig
from ssmphony.types import SsmphonyError
from tests.training_files import check_training_file

ROOT = Path(__file__).resolve().parents[2]
CARDS = sorted((ROOT / "configs").rglob("*card.yaml"))
FILES = sorted({*(ROOT / "configs").rglob("*.yaml")} - {*CARDS})


def test_there_are_configs() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_config_is_valid(path: Path) -> None:
    check_training_file(load_yaml(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_config_names_files_that_exist(path: Path) -> None:
    for name in re.findall(r"\bconfigs/[\w./-]+", path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_card_names_speakers_of_the_training(path: Path) -> None:
    card = parse(CardConfig, load_yaml(path), str(path))
    if card.trained_speakers:
        offer(load_yaml(path.with_name("base.yaml"))["voice"], card.trained_speakers)
    assert card.speaker_names.keys() == card.trained_speakers.keys()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("voice.codec.dims=3", "dims"),
        ("task.optimiser.wamup=3", "warmup"),
        ("run.presicion=16", "precision"),
        ("task.sources=[{path:", r"--set task\.sources=\[\{path:: not valid YAML"),
        ("task.kind=codc", "codec"),
        ("task.kind=vocoder", "the task 'vocoder' is now called 'codec'"),
        ("voice.codec.kind=jepa_latent", "the codec 'jepa_latent' is now called 'lewm'"),
    ],
)
def test_a_wrong_key_is_found(override: str, message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        check_training_file(load_yaml(ROOT / "configs/mel_vocoder/base.yaml", (override,)))


def test_a_block_of_another_kind_replaces_that_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("mixer: {kind: attention, window: 8}\nother: {width: 3, depth: 2}\n")
    own = tmp_path / "own.yaml"
    own.write_text("extends: base.yaml\nmixer: {kind: mamba}\nother: {depth: 4}\n")
    assert load_yaml(own) == {"mixer": {"kind": "mamba"}, "other": {"width": 3, "depth": 4}}
    own.write_text("extends: base.yaml\nmixer: {window: 9}\n")
    assert load_yaml(own)["mixer"] == {"kind": "attention", "window": 9}
