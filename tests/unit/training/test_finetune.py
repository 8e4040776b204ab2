"""A voice learns another speaker: one command, from clips to a voice that speaks as both."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ssmphony
from ssmphony.cli import app
from ssmphony.config import load_yaml
from ssmphony.export.voice import CardConfig, export
from ssmphony.export.weights import WEIGHTS, Part, read_weights, write_weights
from ssmphony.training.config import VoiceConfig
from ssmphony.training.finetune import finetune, read_base, write_initial
from ssmphony.training.run import train
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import read_manifest
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import CONFIGS, checkpoint, settings

OLD = ["tiny", "high"]


def untrained(kind: str, folder: Path) -> tuple[dict[str, Any], Path]:
    """The voice block of a tiny voice of two speakers, and a file of its first weights."""
    block = load_yaml(CONFIGS / f"{kind}.yaml", ("voice.model.speakers=[tiny, high]", "voice.model.d_model=16"))[
        "voice"
    ]
    config = VoiceConfig.model_validate(block)
    parts: dict[Part, nn.Module] = {
        "model": config.model_settings(len(config.frontend_symbols())).build(),
        "codec": config.codec_settings().build(),
    }
    if kind == "s4_spectrum":
        with torch.no_grad():
            parts["model"].speaker_pitch.copy_(torch.tensor([120.0, 240.0]).log2())  # type: ignore[operator]
    folder.mkdir()
    write_weights(folder / WEIGHTS, parts)
    return block, folder / WEIGHTS


@pytest.fixture(scope="module")
def voice_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The exported voice of a kind."""
    home = tmp_path_factory.mktemp("voices")

    def made(kind: str) -> Path:
        if not (home / kind).exists():
            block, weights = untrained(kind, home / f"{kind}-weights")
            card = CardConfig(name=kind, language="hi", licence="CC0-1.0", attribution="nobody")
            export(block, weights, weights, card, home / kind)
        return home / kind

    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("prepared") / "asha", speakers=("asha",), every_token=True)


def command(voice: Path, data: Path, out: Path, work: Path, *more: str) -> None:
    small = ("task.adversarial=null", "run.threads=1", "run.accelerator=cpu", "run.progress=false")
    options = [part for setting in small for part in ("--set", setting)]
    arguments = ["finetune", str(voice), "--data", str(data), "-o", str(out), "--work", str(work), "--steps", "2"]
    app([*arguments, *options, *more], standalone_mode=False)


@pytest.mark.integration
def test_the_new_voice_speaks_as_the_new_speaker_and_the_old_ones(
    voice_of: Callable[[str], Path], corpus: Path, tmp_path: Path
) -> None:
    base = voice_of("s4_spectrum")
    command(base, corpus, tmp_path / "new", tmp_path / "work")
    voice = ssmphony.load(tmp_path / "new")
    assert voice.card.speakers == ("asha", *OLD)
    sounds = {name: voice.say("नमस्ते दुनिया", speaker=name).samples for name in voice.card.speakers}
    assert all(np.isfinite(sound).all() and len(sound) > 0 for sound in sounds.values())
    assert np.array_equal(voice.say("नमस्ते दुनिया").samples, sounds["asha"])
    manifest = read_manifest(tmp_path / "new")
    assert (manifest.name, manifest.licence, manifest.attribution) == ("new", "CC0-1.0", "nobody")
    assert checkpoint(tmp_path / "work" / "run" / "last.ckpt")["step"] == 2
    held_out, trained = ((tmp_path / "work" / name).read_text().split() for name in ("held-out.txt", "trained.txt"))
    assert (len(held_out), len(trained)) == (1, 7)
    shutil.rmtree(tmp_path / "new")
    command(base, corpus, tmp_path / "new", tmp_path / "work")  # what was trained is only exported
    assert ssmphony.load(tmp_path / "new").card.speakers == ("asha", *OLD)
    with pytest.raises(SsmphonyError, match="holds another training"):
        finetune(read_base(base), corpus, tmp_path / "work", tmp_path / "other", like="high")
    assert not (tmp_path / "other").exists()


@pytest.mark.integration
def test_a_voice_with_a_vocoder_keeps_it(voice_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Its task aligns the clips itself: words with times are enough."""
    base, clips = voice_of("s4_acoustic"), write_corpus(tmp_path / "asha", speakers=("asha",))
    options = {"work": tmp_path / "work", "out": tmp_path / "new", "steps": 2}
    finetune(read_base(base), clips, **options, overrides=("run.progress=false", "run.accelerator=cpu"))  # type: ignore[arg-type]
    assert len(ssmphony.load(tmp_path / "new").say("नमस्ते", speaker="asha").samples)
    before, after = (read_weights(folder, "codec") for folder in (base, tmp_path / "new"))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.integration
def test_a_new_speaker_begins_as_another_at_its_own_pitch(voice_of: Callable[[str], Path], tmp_path: Path) -> None:
    base = read_base(voice_of("s4_spectrum"))
    block = {**base.block, "model": {**base.block["model"], "speakers": ["asha", *OLD]}}
    write_initial(base, block, 1, 7.5, tmp_path / "initial.safetensors")
    before, after = read_weights(base.folder, "model"), read_weights(tmp_path / "initial.safetensors", "model")
    assert torch.equal(after["speakers.weight"], before["speakers.weight"][[1, 0, 1]])
    assert after["speaker_pitch"].tolist() == [7.5, *before["speaker_pitch"].tolist()]
    others = before.keys() - {"speakers.weight", "speaker_pitch"}
    assert all(torch.equal(before[name], after[name]) for name in others)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("speakers", "timed", "options", "message"),
    [
        (("asha", "ravi"), True, {}, "several speakers, asha, ravi"),
        (("asha",), True, {"speaker": "ravi"}, "no clip is spoken by 'ravi'"),
        (("tiny",), True, {}, "has a speaker 'tiny' already"),
        (("asha",), True, {"like": "hgih"}, "did you mean 'high'"),
        (("asha",), False, {}, "prepare it with --align"),
    ],
)
def test_what_does_not_fit_is_one_line(
    speakers: tuple[str, ...],
    timed: bool,
    options: dict[str, Any],
    message: str,
    voice_of: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    clips = write_corpus(tmp_path / "clips", clips=2, speakers=speakers, every_token=timed)
    with pytest.raises(SsmphonyError, match=message) as caught:
        finetune(read_base(voice_of("s4_spectrum")), clips, tmp_path / "work", tmp_path / "new", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_a_voice_without_weights_is_refused(tmp_path: Path) -> None:
    from tests.tiny_voice import make_voice

    with pytest.raises(SsmphonyError, match=f"has no {WEIGHTS}"):
        read_base(make_voice(tmp_path / "shipped"))


def test_a_voice_of_another_system_is_refused_before_its_weights_are_missed() -> None:
    with pytest.raises(SsmphonyError, match="a voice of kind fish cannot be fine-tuned, only s4_spectrum and"):
        read_base(CONFIGS.parents[1] / "voices" / "fish")


@pytest.mark.integration
def test_a_training_ends_after_its_minutes_resumed_or_not(corpus: Path, tmp_path: Path) -> None:
    more = (
        "voice.model.speakers=[asha]",
        "run.minutes=0.00001",
        "task.optimiser.max_steps=1000",
        "run.validate_every=1000",
    )
    for _ in range(2):
        out = train(*settings("s4_spectrum", corpus, tmp_path / "run", *more))
        assert checkpoint(out / "last.ckpt")["step"] <= 2
