"""Public Vocos weights: random ones of the published names and shapes, against the published formulas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from ssmphony.audio.mel import mel_filterbank
from ssmphony.codecs.mel_vocoder import MelVocoder, MelVocoderConfig
from ssmphony.config import load_yaml, parse
from ssmphony.export.weights import public_codec, read_weights
from ssmphony.types import MelFormat, SsmphonyError

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = 13_530_000
Weights = dict[str, Tensor]


def published(dim: int = 512, intermediate: int = 1536, layers: int = 8, n_mels: int = 100) -> Weights:
    """The names and shapes of ``charactr/vocos-mel-24khz``, with random values at which every part matters."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int, mean: float = 0.0, std: float = 0.1) -> Tensor:
        return mean + std * torch.randn(shape, generator=random)

    weights = {
        "feature_extractor.mel_spec.spectrogram.window": torch.hann_window(1024),
        "feature_extractor.mel_spec.mel_scale.fb": torch.from_numpy(mel_filterbank(MelFormat())),
        "backbone.embed.weight": normal(dim, n_mels, 7, std=0.05),
        "backbone.embed.bias": normal(dim),
        "head.out.weight": normal(1026, dim, std=1.5 * dim**-0.5),
        "head.out.bias": normal(1026, mean=1.0),
        "head.istft.window": torch.hann_window(1024),
    }
    for norm in ("backbone.norm", "backbone.final_layer_norm", *(f"backbone.convnext.{i}.norm" for i in range(layers))):
        weights |= {f"{norm}.weight": normal(dim, mean=1.0), f"{norm}.bias": normal(dim)}
    for block in (f"backbone.convnext.{i}" for i in range(layers)):
        weights |= {
            f"{block}.dwconv.weight": normal(dim, 1, 7, std=0.4),
            f"{block}.dwconv.bias": normal(dim),
            f"{block}.pwconv1.weight": normal(intermediate, dim, std=dim**-0.5),
            f"{block}.pwconv1.bias": normal(intermediate),
            f"{block}.pwconv2.weight": normal(dim, intermediate, std=intermediate**-0.5),
            f"{block}.pwconv2.bias": normal(dim),
            f"{block}.gamma": normal(dim, mean=0.5),
        }
    return weights


def plain_forward(w: Weights, mel: Tensor) -> Tensor:
    """mel (batch, time, band) → samples (batch, (time - 1) * 256): symmetric zero padding, `torch.istft`."""

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    def conv(x: Tensor, name: str, groups: int = 1) -> Tensor:
        y = F.conv1d(x.mT, w[f"{name}.weight"], w[f"{name}.bias"], padding=3, groups=groups)
        return y.mT

    x = norm(conv(mel, "backbone.embed"), "backbone.norm")
    layers = sum(name.endswith(".gamma") for name in w)
    for block in (f"backbone.convnext.{i}" for i in range(layers)):
        y = norm(conv(x, f"{block}.dwconv", groups=x.shape[-1]), f"{block}.norm")
        y = F.gelu(F.linear(y, w[f"{block}.pwconv1.weight"], w[f"{block}.pwconv1.bias"]))
        x = x + w[f"{block}.gamma"] * F.linear(y, w[f"{block}.pwconv2.weight"], w[f"{block}.pwconv2.bias"])
    x = F.linear(norm(x, "backbone.final_layer_norm"), w["head.out.weight"], w["head.out.bias"])
    log_magnitude, phase = x.mT.chunk(2, dim=1)
    spectrum = log_magnitude.exp().clamp(max=100.0) * torch.exp(1j * phase)
    return torch.istft(spectrum, 1024, 256, window=w["head.istft.window"], center=True)


def speech_like(frames: int) -> Tensor:
    return -5.0 + 3.0 * torch.randn(2, frames, 100, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def weights() -> Weights:
    return published()


@pytest.fixture(scope="module")
def file(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocos") / "pytorch_model.bin"
    torch.save(weights, path)
    return path


def load(path: Path) -> MelVocoder:
    """As `ssmphony export … --codec FILE` does."""
    block = public_codec(path)
    assert block is not None
    codec = parse(MelVocoderConfig, block).build()
    codec.load_state_dict(read_weights(path, "codec"))
    return codec.eval()


@pytest.mark.parametrize("frames", [2, 25])
def test_same_mel_in_same_samples_out(weights: Weights, file: Path, frames: int) -> None:
    mel = speech_like(frames)
    with torch.no_grad():
        expected = plain_forward(weights, mel)
        samples = load(file)(mel)
    assert samples.shape == (2, frames * 256)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(
        samples[:, : expected.shape[1]], expected, atol=1e-5 * float(expected.abs().max()), rtol=0
    )


def test_size_is_the_published_one(file: Path) -> None:
    codec = load(file)
    assert sum(parameter.numel() for parameter in codec.parameters()) == pytest.approx(PUBLISHED, abs=5_000)
    assert codec.lookahead == 9 * 3 + 2


def test_the_exporter_takes_it(weights: Weights, file: Path, tmp_path: Path) -> None:
    """In either format, and the block is the one that we ship."""
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "vocos.safetensors")
    for path in (file, tmp_path / "vocos.safetensors"):
        assert public_codec(path) == load_yaml(ROOT / "configs/mel_vocoder/vocos-24khz.yaml")["voice"]["codec"]
        load(path)


def test_other_sizes_are_read_off_the_shapes(tmp_path: Path) -> None:
    weights = published(dim=24, intermediate=40, layers=3)
    torch.save(weights, tmp_path / "small.bin")
    codec = load(tmp_path / "small.bin")
    expected = MelVocoderConfig(dim=24, intermediate=40, n_layers=3, lookahead_per_conv=3)
    assert codec.config == expected
    with torch.no_grad():
        reference = plain_forward(weights, speech_like(9))
        torch.testing.assert_close(codec(speech_like(9))[:, : 8 * 256], reference, atol=1e-5, rtol=1e-5)


def _without_a_bias(weights: Weights) -> None:
    del weights["backbone.convnext.1.dwconv.bias"]


def _other_shape(weights: Weights) -> None:
    weights["backbone.convnext.1.pwconv2.weight"] = torch.zeros(24, 41)


def _for_codes(weights: Weights) -> None:
    weights["backbone.norm.scale.weight"] = weights.pop("backbone.norm.weight")


def _other_mel(weights: Weights) -> None:
    weights["feature_extractor.mel_spec.mel_scale.fb"] = 0.01 * weights["feature_extractor.mel_spec.mel_scale.fb"]


def _other_bands(weights: Weights) -> None:
    weights["backbone.embed.weight"] = torch.zeros(24, 80, 7)


def _other_network(weights: Weights) -> None:
    del weights["backbone.embed.weight"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_a_bias, "blocks.1.dwconv.bias"),
        (_other_shape, "blocks.1.pwconv2.weight"),
        (_for_codes, "backbone.norm.scale.weight"),
        (_other_mel, "another mel"),
        (_other_bands, "80 bands"),
        (_other_network, "holds no weights of a codec"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(damage: Callable[[Weights], None], message: str, tmp_path: Path) -> None:
    weights = published(dim=24, intermediate=40, layers=3)
    damage(weights)
    path = tmp_path / "odd.bin"
    torch.save(weights, path)
    with pytest.raises(SsmphonyError, match=message) as error:
        read_weights(path, "codec")
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="no such checkpoint"):
        read_weights(tmp_path / "missing.bin", "codec")
    for name in ("noise.bin", "noise.safetensors"):
        (tmp_path / name).write_bytes(b"not tensors at all" * 10)
        with pytest.raises(SsmphonyError, match="not a readable checkpoint") as error:
            read_weights(tmp_path / name, "codec")
        assert "\n" not in str(error.value)
    torch.save([1, 2], tmp_path / "list.bin")
    with pytest.raises(SsmphonyError, match="no tensors by name"):
        read_weights(tmp_path / "list.bin", "codec")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A file that would run code when unpickled is refused."""
    torch.save({"backbone.embed.weight": _Trap(tmp_path / "sprung")}, tmp_path / "trap.bin")
    with pytest.raises(SsmphonyError, match="not a readable checkpoint"):
        read_weights(tmp_path / "trap.bin", "codec")
    assert not (tmp_path / "sprung").exists()


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)
