"""A codec that was trained alone, as a package: exported, used by the commands, and refused where a voice is meant."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ssmphony.audio.mel import MelEncoder
from ssmphony.cli import app
from ssmphony.codecs.mel_vocoder import MelVocoder, MelVocoderConfig
from ssmphony.export.weights import read_weights, write_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.reference import load_reference


def run(*command: str | Path) -> int:
    return app([str(part) for part in command], standalone_mode=False) or 0


@pytest.fixture(scope="module")
def codec() -> MelVocoder:
    torch.manual_seed(0)
    return MelVocoderConfig.tiny()[""].build().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def training(codec: MelVocoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "training"
    folder.mkdir()
    settings = {"voice": {"codec": codec.config.model_dump(mode="json")}, "task": {"kind": "codec"}}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    write_weights(folder / "weights.safetensors", {"codec": codec})
    return folder


@pytest.fixture(scope="module")
def package(training: Path) -> Path:
    card = training.parent / "card.yaml"
    card.write_text("{name: small, language: und, licence: MIT}", encoding="utf-8")
    assert run("export", training, training.parent / "package", "--card", card) == 0
    return training.parent / "package"


def test_it_encodes_and_decodes_as_the_network_does(codec: MelVocoder, package: Path, tmp_path: Path) -> None:
    recording, frames, copy = (tmp_path / name for name in ("clip.wav", "frames.safetensors", "copy.wav"))
    samples = 0.3 * torch.randn(1, 2001)
    soundfile.write(recording, samples[0].numpy(), 8_000, subtype="FLOAT")
    assert run("encode", recording, "-o", frames, "--voice", package) == 0
    assert run("decode", frames, "-o", copy, "--voice", package) == 0
    assert codec.mel is not None
    mel = MelEncoder(codec.mel).encode(samples.numpy())
    np.testing.assert_allclose(load_reference(frames).arrays["frames"], mel[0], atol=1e-5)
    sound, rate = soundfile.read(copy, dtype="float32")
    assert rate == 8_000
    made = codec.render(torch.from_numpy(mel)).samples[0].numpy()
    np.testing.assert_allclose(sound, made.clip(-1, 1), atol=1e-3)


def test_its_card_and_weights(codec: MelVocoder, package: Path) -> None:
    card = (package / "README.md").read_text(encoding="utf-8")
    assert "500 frames a second of 6 numbers" in card
    assert "licence: MIT" in card
    again = codec.config.build()
    load_exactly(again, read_weights(package, "codec"), package, "the codec")
    for name, value in codec.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=1e-3, rtol=1e-3)


def test_what_it_is_not_is_said_in_one_line(
    training: Path, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", training, tmp_path / "small", "--int8") == 1
    assert "--int8 is for voices" in capsys.readouterr().err
    assert not (tmp_path / "small").exists()
    assert run("say", "नमस्ते", "--voice", package, "-o", tmp_path / "a.wav") == 1
    assert "is a codec without a model" in capsys.readouterr().err
    damaged = Path(shutil.copytree(package, tmp_path / "damaged"))
    graph = damaged / "codec_decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    assert run("decode", tmp_path / "frames.safetensors", "-o", tmp_path / "b.wav", "--voice", damaged) == 1
    assert "is damaged" in capsys.readouterr().err
    assert not (tmp_path / "b.wav").exists()
