"""The codec of spectra: what its frames mean, what training may ask of it, and where its first weights come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from ssmphony.codecs.hibari import read_hibari
from ssmphony.codecs.spectrum import SpectrumConfig, SpectrumGenerator
from ssmphony.config import parse
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.types import SsmphonyError
from tools.hibari import convert

TINY = SpectrumConfig.tiny()[""]
SMALL = TINY.model_copy(update={"sample_rate": 24_000, "n_fft": 1_200, "hop_length": 300, "highest_hz": 11_000.0})
PITCH, ENERGY, SPEAKER = 4, 5, 6


def build(config: SpectrumConfig = SMALL) -> SpectrumGenerator:
    torch.manual_seed(0)
    return config.build().eval()


def only(codec: SpectrumGenerator, part: int) -> SpectrumGenerator:
    """A flat spectrum of one of harmonics, noise and the free part."""
    torch.nn.init.zeros_(codec.head.weight)
    level = torch.full((5,), -50.0)
    level[[1, 4]] = 0.0
    level[part] = 0.0
    with torch.no_grad():
        codec.head.bias.copy_(level.repeat_interleave(codec.bins))
    return codec


@pytest.mark.parametrize("pitch", [90.0, 173.0, 310.0])
@torch.no_grad()
def test_partials_stand_at_multiples_of_the_pitch(pitch: float) -> None:
    frames = torch.zeros(1, 160, SMALL.d_text + 2 + SMALL.d_speaker)
    frames[..., PITCH] = pitch / 128
    samples = only(build(), 0)(frames)[0, 8_000:40_000].numpy()
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 24_000)
    near = np.abs(hertz / pitch - np.round(hertz / pitch)) * pitch < 4.0
    assert power[near].sum() > 0.98 * power.sum()


@torch.no_grad()
def test_unvoiced_frames_have_no_partials() -> None:
    frames = torch.zeros(1, 40, SMALL.d_text + 2 + SMALL.d_speaker)
    frames[..., PITCH] = 39.0 / 128
    assert float(only(build(), 0)(frames).abs().max()) < 1e-6


@torch.no_grad()
def test_training_may_begin_anywhere_in_the_noise() -> None:
    codec, frames = only(build(), 2), torch.zeros(2, 20, SMALL.d_text + 2 + SMALL.d_speaker)
    whole = codec(frames)
    torch.testing.assert_close(codec(frames, torch.tensor([0, 0])), whole)
    other = codec(frames, torch.tensor([0, 500]))
    torch.testing.assert_close(other[0], whole[0])
    assert not torch.allclose(other[1], whole[1], atol=1e-2)
    assert float(other[1].square().mean()) == pytest.approx(float(whole[1].square().mean()), rel=0.2)


@torch.no_grad()
def test_a_fresh_codec_has_one_speaker() -> None:
    codec, frames = build(), torch.randn(1, 20, SMALL.d_text + 2 + SMALL.d_speaker)
    other = frames.clone()
    other[..., SPEAKER:] = 3.0
    torch.testing.assert_close(codec(other), codec(frames))
    torch.nn.init.normal_(codec.get_parameter("speakers.1.weight"))
    assert not torch.allclose(codec(other), codec(frames), atol=1e-4)


def test_everything_but_the_sources_is_trained() -> None:
    codec, frames = build(), torch.randn(1, 20, SMALL.d_text + 2 + SMALL.d_speaker)
    codec(frames).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in codec.parameters())


def test_a_wrong_config_is_one_line() -> None:
    with pytest.raises(SsmphonyError, match="n_fft 1000 must be a multiple of twice hop_length 300"):
        parse(SpectrumConfig, {"n_fft": 1_000})
    with pytest.raises(SsmphonyError, match="raise lookahead_per_conv"):
        parse(SpectrumConfig, {"lookahead_per_conv": 0})


# -- public weights ----------------------------------------------------------------------------------------------------


def write_hibari(path: Path, **changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """A file with the names and shapes of hibari's graph, and what its decoder holds."""
    random, stored = np.random.default_rng(0), {}

    def plain(name: str, *shape: int) -> None:
        stored[name] = random.standard_normal(shape).astype(np.float32)

    def product(name: str, rows: int, columns: int) -> None:
        stored[f"{name}_quantized"] = random.integers(-128, 128, (columns, rows)).astype(np.int8)
        stored[f"{name}_zero_point"] = np.array(3, np.int8)
        stored[f"{name}_scale"] = np.array(0.5, np.float32)

    plain("m.dec_in.weight", 256, 130, 7)
    for name, size in (("dec_in.bias", 256), ("dec_norm.weight", 256), ("dec_norm.bias", 256), ("head.bias", 3005)):
        plain(f"m.{name}", size)
    product("/head/Transpose_output_0", 3005, 256)
    for block in range(8):
        plain(f"m.dec.{block}.dw.weight", 256, 1, 7)
        for name, size in (("gamma", 256), ("dw.bias", 256), ("norm.weight", 256), ("norm.bias", 256)):
            plain(f"m.dec.{block}.{name}", size)
        for name, rows, columns in (("pw1", 768, 256), ("pw2", 256, 768)):
            plain(f"m.dec.{block}.{name}.bias", rows)
            product(f"/dec.{block}/{name}/Transpose_output_0", rows, columns)
    held = [numpy_helper.from_array(value, name) for name, value in {**stored, **changes}.items() if value is not None]
    model = helper.make_model(helper.make_graph([], "hibari", [], [], held))
    path.write_bytes(model.SerializeToString())
    return stored


def test_the_tool_writes_what_a_training_begins_with(tmp_path: Path) -> None:
    write_hibari(tmp_path / "hibari.onnx")
    convert(tmp_path / "hibari.onnx", tmp_path / "hibari.safetensors")
    codec, path = SpectrumConfig().build(), tmp_path / "hibari.safetensors"
    load_exactly(codec, read_weights(path, "codec"), path, "voice.codec")
    expected = read_hibari(tmp_path / "hibari.onnx")["head.bias"]
    torch.testing.assert_close(codec.head.bias.data, expected, atol=1e-2, rtol=1e-2)  # kept in half precision


def test_hibari_gives_the_decoder(tmp_path: Path) -> None:
    stored = write_hibari(tmp_path / "hibari.onnx")
    codec = SpectrumConfig().build()
    codec.load_state_dict(read_hibari(tmp_path / "hibari.onnx"))
    held = codec.state_dict()
    np.testing.assert_array_equal(held["embed.weight"], stored["m.dec_in.weight"])
    np.testing.assert_array_equal(held["blocks.7.gamma"], stored["m.dec.7.gamma"])
    quantised = stored["/dec.3/pw2/Transpose_output_0_quantized"].astype(np.float32)
    np.testing.assert_array_equal(held["blocks.3.pwconv2.weight"], (quantised.T - 3) * 0.5)
    assert not held["speakers.0.weight"].any()


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "hibari.onnx"
    with pytest.raises(SsmphonyError, match="no such file"):
        read_hibari(path)
    path.write_bytes(b"no graph")
    with pytest.raises(SsmphonyError, match="not an ONNX file; take hibari/assets"):
        read_hibari(path)
    onnx.save(helper.make_model(helper.make_graph([], "other", [], [])), path)
    with pytest.raises(SsmphonyError, match="not hibari's graph"):
        read_hibari(path)
    write_hibari(path, **{"m.head.bias": np.zeros(7, np.float32)})
    with pytest.raises(SsmphonyError, match="has another shape"):
        read_hibari(path)
