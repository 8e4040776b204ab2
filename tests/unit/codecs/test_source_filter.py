"""Source-filter codecs: one shot and stream are one function; the mel's pitch; where first weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.mel_source_filter import MelSourceFilter, MelSourceFilterConfig
from ssmphony.codecs.pitch_predictor import BINS, HIGHEST_HZ, LOWEST_HZ, PitchScores
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.config import parse
from ssmphony.training.initial import load_fitting
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import MelFormat, SsmphonyError

TINY = MelSourceFilterConfig.tiny()[""]
MEL24 = MelFormat(n_fft=1_200, hop_length=300, n_mels=12)
SMALL = TINY.model_copy(update={"format": MEL24, "highest_hz": 11_000.0})
CODECS: dict[str, Any] = {
    **{f"spectrum {form}": config for form, config in SpectrumConfig.tiny().items()},
    **{f"mel {form}": config for form, config in MelSourceFilterConfig.tiny().items()},
}


def build(config: Any) -> Any:
    """A codec whose every weight matters."""
    torch.manual_seed(0)
    codec = config.build().eval()
    for parameter in codec.parameters():
        nn.init.normal_(parameter, std=0.3)
    return codec


def frames_for(codec: Any, time: int = 40) -> Tensor:
    frames = torch.randn(2, time, codec.grid.channels, generator=torch.Generator().manual_seed(1))
    if isinstance(codec, MelSourceFilter):
        return frames * 3.0 - 6.0
    frames[..., codec.config.d_text] = frames[..., codec.config.d_text].abs() * 3.0  # the pitch
    return frames


@pytest.mark.parametrize("ahead", [1, 2])
@pytest.mark.parametrize("kind", CODECS)
@torch.no_grad()
def test_one_shot_is_the_stream(kind: str, ahead: int) -> None:
    codec = build(CODECS[kind].model_copy(update={"lookahead_per_conv": ahead}))
    frames = frames_for(codec)
    state, parts, padded = codec.initial_state(2), [], F.pad(frames, (0, 0, 0, codec.lookahead))
    mask = torch.arange(padded.shape[1]).expand(2, -1) < frames.shape[1]
    for first, stop in ((0, 1), (1, 8), (8, padded.shape[1])):
        part, state = codec.decode(padded[:, first:stop], mask[:, first:stop], state)
        parts.append(part)
    stream = torch.cat(parts, dim=1)[:, codec.lookahead * codec.grid.hop_length :]
    torch.testing.assert_close(codec(frames), stream, atol=1e-3, rtol=1e-3)


def test_lookahead_is_a_choice() -> None:
    """Of four convolutions that find the pitch, one that reads, one of each block, and half a window."""
    found = [TINY.model_copy(update={"lookahead_per_conv": ahead}).build().lookahead for ahead in (1, 2)]
    assert found == [4 + 3 + 2, 4 + 6 + 2]


@pytest.mark.parametrize("pitch", [90.0, 173.0, 310.0])
@torch.no_grad()
def test_the_given_pitch_is_spoken(pitch: float) -> None:
    codec = build(SMALL)
    nn.init.zeros_(codec.head.weight)
    codec.head.bias.copy_(torch.tensor([0.0, 0.0, -50.0, -50.0, 0.0]).repeat_interleave(codec.bins))
    samples = codec.render(frames_for(codec, 160), torch.full((2, 160), pitch)).samples[0, 8_000:40_000].numpy()
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 24_000)
    near = np.abs(hertz / pitch - np.round(hertz / pitch)) * pitch < 4.0
    assert power[near].sum() > 0.98 * power.sum()
    assert not codec.render(frames_for(codec, 40), torch.zeros(2, 40)).samples.abs().max() > 1e-6, "unvoiced"


def test_scores_name_a_pitch() -> None:
    """The mean of the bins around the likeliest; other peaks do not pull it."""
    place = 20.5
    bins = -((torch.arange(BINS) - place) ** 2)
    bins[60] = float(bins.max()) - 0.1
    hertz = PitchScores(bins.expand(1, 2, -1).float(), torch.tensor([[1.0, -1.0]])).hertz()
    octaves = np.log2(HIGHEST_HZ / LOWEST_HZ) / (BINS - 1)
    assert float(hertz[0, 0]) == pytest.approx(LOWEST_HZ * 2 ** (place * octaves), rel=1e-3)
    assert float(hertz[0, 1]) == 0.0


def test_the_pitch_is_learnt_where_there_is_one() -> None:
    scores = PitchScores(torch.zeros(1, 3, BINS, requires_grad=True), torch.zeros(1, 3, requires_grad=True))
    losses = scores.losses(torch.tensor([[0.0, 200.0, 0.0]]))
    torch.stack([*losses.values()]).sum().backward()
    assert scores.bins.grad is not None
    assert scores.voicing.grad is not None
    assert not scores.bins.grad[0, [0, 2]].any()
    moved = PitchScores(-scores.bins.grad, -scores.voicing.grad + torch.tensor([[0.0, 1.0, 0.0]])).hertz()
    assert float(moved[0, 1]) == pytest.approx(200.0, rel=0.02)
    assert scores.voicing.grad.sign().tolist() == [[1.0, -1.0, 1.0]]
    silent = scores.losses(torch.zeros(1, 3))
    assert float(silent["pitch"].detach()) == 0.0


def test_noise_begins_anywhere_in_training() -> None:
    codec, frames = build(TINY), frames_for(build(TINY))
    with torch.no_grad():
        assert torch.equal(codec(frames), codec(frames))
        codec.train()
        assert not torch.equal(codec(frames), codec(frames))


def test_the_pitch_learns_nothing_from_the_sound() -> None:
    """Whether a frame is voiced cannot be learnt through samples; what filters it can."""
    codec = build(TINY)
    codec(frames_for(codec)).square().sum().backward()
    for name, parameter in codec.named_parameters():
        assert (parameter.grad is not None and bool(parameter.grad.any())) != name.startswith("pitch."), name


@torch.no_grad()
def test_mixed_precision_keeps_the_sources_exact() -> None:
    codec = MelSourceFilterConfig(format=MEL24, dim=32, intermediate=48, pitch_dim=16).build().eval()
    frames = frames_for(codec, 60)
    pitch = torch.full((2, 60), 150.0)
    exact = codec.render(frames, pitch).samples
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = codec.render(frames, pitch).samples
    assert mixed.dtype == torch.float32
    error = (mixed - exact).square().mean() / exact.square().mean()
    assert 0.0 < float(error) < 1e-3


def test_it_begins_with_a_spectrum_codec(tmp_path: Path) -> None:
    """All but the first convolution, which reads other frames, and the pitch, which nothing else predicts."""
    torch.manual_seed(0)
    source = SpectrumConfig(dim=16, intermediate=24).build()
    nn.init.normal_(source.head.weight)
    save_file({f"codec.{name}": value for name, value in source.state_dict().items()}, tmp_path / "w.safetensors")
    codec = MelSourceFilterConfig(dim=16, intermediate=24).build()
    fresh = {name: value.clone() for name, value in codec.state_dict().items()}
    load_fitting(VoiceModule(None, codec, "codec"), tmp_path / "w.safetensors")
    held, given = codec.state_dict(), source.state_dict()
    taken = {name for name, value in held.items() if name in given and torch.equal(value, given[name])}
    assert {name.split(".")[0] for name in taken} >= {"blocks", "final_norm", "head"}
    assert torch.equal(held["embed.weight"], fresh["embed.weight"])
    left = {name for name in held if name not in taken and not name.startswith("pitch.")}
    assert left == {"embed.weight"}


def test_a_wrong_config_is_one_line() -> None:
    with pytest.raises(SsmphonyError, match="n_fft 1000 must be a multiple of twice hop_length 256"):
        parse(MelSourceFilterConfig, {"format": {"n_fft": 1_000}})
    with pytest.raises(SsmphonyError, match="raise lookahead_per_conv"):
        parse(MelSourceFilterConfig, {"lookahead_per_conv": 0})
