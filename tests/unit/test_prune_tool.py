"""tools/prune.py leaves out what does nothing, and then nothing changes."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from ssmphony.codecs.mel_vocoder import MelVocoder, MelVocoderConfig
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.models.parallel import FRAME_FEATURES
from ssmphony.models.s4_acoustic import S4Acoustic, S4AcousticConfig
from ssmphony.models.s4_spectrum import S4SpectrumConfig
from ssmphony.types import Tokens

TOOL = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools/prune.py"))


@pytest.fixture
def model() -> S4Acoustic:
    torch.manual_seed(0)
    return (
        S4AcousticConfig(n_symbols=9, speakers=("a",), d_model=16, d_ffn=16, d_state=4, n_layers=1, decoder_layers=3)
        .build()
        .eval()
    )


@pytest.fixture
def codec() -> MelVocoder:
    torch.manual_seed(0)
    codec = MelVocoderConfig(dim=16, intermediate=12, n_layers=3, harmonic=True).build().eval()
    for block in codec.blocks:
        block.pwconv1.weight.data.normal_(0, 0.3)
        block.pwconv2.weight.data.normal_(0, 0.3)
    return codec


@torch.no_grad()
@pytest.mark.parametrize("idle", [1, 2, 3])
def test_the_decoder_loses_the_layer_that_does_nothing(model: S4Acoustic, idle: int) -> None:
    layer = model.decoder.layers[idle]
    for linear in (layer.mixer.output.linear, layer.ffn.down):
        linear.weight.zero_()
        linear.bias.zero_()
    one = TOOL["Spoken"](torch.randn(1, 20, 17 + FRAME_FEATURES), torch.ones(1, 20, dtype=torch.bool))
    smaller = TOOL["prune_decoder"](model, 2, [one])
    assert smaller.config.decoder_layers == 2
    torch.testing.assert_close(smaller.decode_all(*one), model.decode_all(*one))


@torch.no_grad()
@pytest.mark.parametrize("idle", [0, 1, 2])
def test_the_vocoder_loses_the_block_that_does_nothing(codec: MelVocoder, idle: int) -> None:
    codec.blocks[idle].gamma.zero_()
    mel = torch.randn(1, 30, codec.format.n_mels)
    smaller = TOOL["prune_codec"](codec, 2, 12, [mel])
    assert (smaller.config.n_layers, smaller.lookahead) == (2, codec.lookahead - 1)
    torch.testing.assert_close(smaller(mel), codec(mel))


@torch.no_grad()
def test_the_vocoder_loses_the_units_that_add_nothing(codec: MelVocoder) -> None:
    for block in codec.blocks:
        block.pwconv2.weight[:, 3:7].zero_()
    mel = torch.randn(1, 30, codec.format.n_mels)
    smaller = TOOL["narrow"](codec, 8, [mel])
    assert smaller.blocks[0].pwconv1.weight.shape == (8, 16)
    torch.testing.assert_close(smaller(mel), codec(mel))


SMALL = SpectrumConfig.tiny()[""]
FRAMES = torch.randn(1, 30, SMALL.d_text + 2 + SMALL.d_speaker, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
@pytest.mark.parametrize("idle", [0, 1, 2])
def test_a_spectrum_loses_the_block_that_does_nothing(idle: int) -> None:
    torch.manual_seed(0)
    codec = SMALL.model_copy(update={"blocks": ("convnext",) * 3, "lookahead_per_conv": 2}).build().eval()
    for projection in codec.speakers:
        projection.weight.normal_(0, 0.3)
    for block in codec.blocks:
        block.pwconv2.weight.normal_(0, 0.3)
    codec.blocks[idle].gamma.zero_()
    if idle == 2:  # nothing comes after it that the speaker could be added to
        codec.speakers[2].weight.zero_()
    smaller = TOOL["prune_codec"](codec, 2, SMALL.intermediate, [FRAMES])
    assert smaller.config.blocks == ("convnext",) * 2
    torch.testing.assert_close(smaller(FRAMES), codec(FRAMES))


@torch.no_grad()
@pytest.mark.parametrize("idle", [0, 1, 2])
def test_text_encoders_lose_the_layer_that_does_nothing(idle: int) -> None:
    torch.manual_seed(0)
    model = S4SpectrumConfig.tiny(9)[""].model_copy(update={"n_layers": 3}).build().eval()
    for encoder in (model.text, model.prosody):
        for name, parameter in encoder.layers[idle].named_parameters():
            if name.startswith(("norm", "ffn")) or name.endswith("bias"):  # then the mixer gets and gives zeros
                parameter.zero_()
    tokens = Tokens(tuple(range(1, 9)), ("",) * 8)
    smaller = TOOL["prune_encoders"](model, 2, [tokens])
    assert smaller.config.n_layers == 2
    torch.testing.assert_close(TOOL["_encoded"](smaller, tokens), TOOL["_encoded"](model, tokens))
