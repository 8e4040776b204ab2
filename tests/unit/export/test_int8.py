"""Products in 8 bits: which become so, that they are nearly the same, and that a voice is exported with them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.export.int8 import quantise_codec
from ssmphony.export.voice import CardConfig, export
from ssmphony.models.s4_spectrum import S4SpectrumConfig
from ssmphony.text.vocabulary import SYMBOLS
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import load

pytestmark = pytest.mark.integration

CODEC = SpectrumConfig.tiny()[""].model_copy(update={"dim": 64, "intermediate": 96})
MODEL = S4SpectrumConfig.tiny(len(SYMBOLS))[""].model_copy(
    update={"d_model": CODEC.d_text, "d_speaker": CODEC.d_speaker}
)
TEXT = "नमस्ते, आप कैसे हैं?"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A small voice in floats and in integers."""
    folder = tmp_path_factory.mktemp("int8")
    torch.manual_seed(0)
    model, codec = MODEL.build(), CODEC.build()
    nn.init.constant_(model.duration.head.bias, 1.5)
    nn.init.constant_(model.frame_head.bias, 1.0)
    parts = {"model": model, "codec": codec}
    weights = {f"{part}.{k}": v.contiguous() for part, module in parts.items() for k, v in module.state_dict().items()}
    save_file(weights, folder / "w.safetensors")
    block = {"frontend": {"kind": "hindi"}, "model": MODEL.model_dump(), "codec": CODEC.model_dump()}
    card, source = CardConfig(name="t", language="hi"), folder / "w.safetensors"

    def copy_first(voice: Path) -> Path:
        shutil.copytree(voice, folder / "floats")
        return quantise_codec(voice)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssmphony.export.voice.quantise_codec", copy_first)
        return {True: export(block, source, source, card, folder / "integers", int8=True), False: folder / "floats"}


def operators(folder: Path) -> list[str]:
    return [node.op_type for node in onnx.load(folder / "codec_decoder.onnx").graph.node]


def test_large_products_become_those_of_integers(voices: dict[bool, Path]) -> None:
    """The feed-forwards and the head; small ones and the products with the windowed DFT, computed on load, stay."""
    assert operators(voices[False]).count("MatMulInteger") == 0
    assert operators(voices[True]).count("MatMulInteger") == 2 * len(CODEC.blocks) + 1
    assert operators(voices[True]).count("MatMul") == len(CODEC.blocks) + 2
    sizes = {int8: (folder / "codec_decoder.onnx").stat().st_size for int8, folder in voices.items()}
    assert sizes[True] < 0.85 * sizes[False]


def test_it_sounds_almost_the_same(voices: dict[bool, Path]) -> None:
    exact, near = (load(voices[int8]).say(TEXT).samples for int8 in (False, True))
    assert exact.shape == near.shape
    error = float(np.square(near - exact).mean() / np.square(exact).mean())
    assert 0.0 < error < 1e-2, "20 dB"


def test_pieces_sound_as_the_whole(voices: dict[bool, Path]) -> None:
    codec: Any = load(voices[True]).codec
    random = np.random.default_rng(0)
    frames = random.standard_normal((1, 40, codec.grid.channels)).astype(np.float32)
    mask = np.ones((1, 40), bool)
    whole, _ = codec.decode(frames, mask, codec.initial_state(1))
    state, parts = codec.initial_state(1), []
    for first, stop in ((0, 1), (1, 17), (17, 40)):
        part, state = codec.decode(frames[:, first:stop], mask[:, first:stop], state)
        parts.append(part)
    scale = float(np.abs(whole).max())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=2e-3 * scale)


def test_a_codec_without_a_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="no graph to write in 8 bits; leave --int8 out"):
        quantise_codec(tmp_path)
