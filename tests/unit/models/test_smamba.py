"""SMamba: parts that the contract does not see, and that both twins are of one size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmphony.codecs.smamba import SMambaCodecConfig
from ssmphony.config import load_yaml
from ssmphony.models.smamba import SMamba, SMambaConfig, pitch_hz
from ssmphony.models.smamba_parts import Durations, PosteriorEncoder, log_likelihoods
from ssmphony.models.style import StyleEncoder
from ssmphony.nn import EncoderConfig
from ssmphony.types import STYLE, Reference, Style, Tokens

CONFIGS = Path(__file__).resolve().parents[3] / "configs" / "smamba"
SENTENCE = Tokens((1, 5, 6, 7, 8, 5, 2), tuple("xxxxxxx"))
RANDOM = np.random.default_rng(0)


def build(form: str = "mamba2", **changes: Any) -> SMamba:
    torch.manual_seed(0)
    model = SMambaConfig.tiny(12)[form].model_copy(update=changes).build().eval()
    for name, parameter in model.named_parameters():
        if ".shift." in name or name.startswith(("frame_prior.leave", "pitch.head")):
            nn.init.normal_(parameter, std=0.3)
    return model


def reference(*rows: np.ndarray) -> Reference:
    return Reference({STYLE: np.stack(rows).astype(np.float32)})


@torch.no_grad()
def speak(model: SMamba, style: Style, sentence: Tokens = SENTENCE) -> Tensor:
    """All frames (time, channel)."""
    state = model.begin([sentence], [style])
    blocks: list[Tensor] = []
    while True:
        frames, state = model.step(state)
        length = int(frames.lengths[0])
        blocks.append(frames.values[0, :length])
        if length < model.block:
            return torch.cat(blocks)


def test_frames_are_those_of_the_codec() -> None:
    model = SMambaConfig(n_symbols=9, speakers=("own",)).build()
    assert model.frame_channels == SMambaCodecConfig().build().grid.channels


def test_twins_are_of_one_size() -> None:
    """The shipped configs differ in mixer and width of the feed-forward alone, and by at most 2 % in parameters."""
    sizes: dict[str, int] = {}
    blocks: dict[str, Any] = {}
    for name in ("base", "attention", "s4"):
        block = load_yaml(CONFIGS / f"{name}.yaml")["voice"]["model"]
        model = SMambaConfig.model_validate({"n_symbols": 80, **block}).build()
        sizes[name] = sum(parameter.numel() for parameter in model.parameters())
        blocks[name] = {key: value for key, value in block.items() if key not in ("mixer", "d_ffn")}
    assert blocks["attention"] == blocks["base"] == blocks["s4"]
    for name in ("attention", "s4"):
        assert abs(sizes[name] / sizes["base"] - 1.0) < 0.02, sizes
    assert 6e6 < sizes["base"] + sum(p.numel() for p in SMambaCodecConfig().build().parameters()) < 10e6


def test_a_reference_replaces_the_speaker_and_several_are_averaged() -> None:
    model = build()
    one, two = RANDOM.standard_normal((2, 4))
    with torch.no_grad():
        model.speakers.weight[1] = torch.from_numpy((one + two) / 2)
    by_row, by_mean = (speak(model, style) for style in (Style(speaker="other"), Style(reference=reference(one, two))))
    torch.testing.assert_close(by_mean, by_row, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(speak(model, Style())[:, -4:], by_row[:1, -4:], atol=0.1)


def test_the_seed_draws_frames_and_durations() -> None:
    model = build("s4")
    lengths = {len(speak(model, Style(seed=seed))) for seed in range(6)}
    assert len(lengths) > 1
    assert torch.equal(speak(model, Style(seed=3)), speak(model, Style(seed=3)))
    still = build("mamba2")
    first, second = (speak(still, Style(seed=seed)) for seed in (0, 1))
    assert first.shape == second.shape
    assert not torch.allclose(first, second, atol=1e-3)
    silent = build("mamba2", noise=0.0)
    torch.testing.assert_close(speak(silent, Style(seed=0)), speak(silent, Style(seed=1)))


def test_pitch_moves_by_semitones() -> None:
    model = build()
    with torch.no_grad():
        model.pitch.head.bias[1] = 10.0  # all voiced
    low, high = (speak(model, Style(pitch_semitones=semitones))[:, 6] for semitones in (0.0, 12.0))
    torch.testing.assert_close(high, 2.0 * low)


def test_longer_sentences_are_made_in_pieces() -> None:
    """Each piece by itself; what is not longer than a piece is made as a whole."""
    whole, cut = build(max_frames=100), build(max_frames=16)
    sentence = Tokens((1, *(5 + i % 5 for i in range(14)), 2), ("x",) * 16)
    frames, pieces = speak(whole, Style(), sentence), speak(cut, Style(), sentence)
    assert frames.shape == pieces.shape
    assert len(frames) > 32
    assert not torch.allclose(frames, pieces, atol=1e-3)
    assert bool(torch.isfinite(pieces).all())


def test_unvoiced_frames_have_no_pitch_and_no_pitch_is_too_high() -> None:
    hertz = pitch_hz(torch.tensor([[0.0, 1.0, 99.0]]), torch.tensor([[-1.0, 1.0, 1.0]]))
    torch.testing.assert_close(hertz, torch.tensor([[0.0, 360.0, 1000.0]]))


# -- parts -------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_a_style_does_not_read_padding_and_is_normalised() -> None:
    encoder = StyleEncoder(6, 5, _stack(8)).eval()
    mel, mask = torch.randn(2, 30, 6), torch.arange(30) < torch.tensor([[30], [11]])
    together = encoder(mel, mask)
    torch.testing.assert_close(encoder(mel[1:, :11], mask[1:, :11]), together[1:], atol=1e-5, rtol=1e-4)
    mel[1, 11:] = torch.nan
    torch.testing.assert_close(encoder(mel, mask), together)
    torch.testing.assert_close(together.mean(dim=1), torch.zeros(2), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(together.var(dim=1, unbiased=False), torch.ones(2), atol=1e-3, rtol=0.0)


@torch.no_grad()
def test_the_posterior_is_aligned_with_the_frames() -> None:
    """A click at sample ``t * hop`` is loudest in frame t; the latents of padding are zero."""
    encoder = PosteriorEncoder(64, 16, 6, 4, 8, 1)
    samples = torch.zeros(1, 400)
    samples[0, 7 * 16] = 1.0
    loudness = encoder.spectrogram(samples, 20).mean(dim=-1)
    assert loudness.shape == (1, 20)
    assert int(loudness.argmax()) == 7
    assert torch.equal(encoder.spectrogram(samples[:, :200], 20)[:, :10], encoder.spectrogram(samples, 20)[:, :10])
    mask = torch.arange(20)[None] < 9
    mean, log_std = encoder(samples, mask, torch.zeros(1, 4))
    assert mean.shape == log_std.shape == (1, 20, 6)
    assert not mean[:, 9:].any()


@torch.no_grad()
def test_log_likelihoods_are_those_of_gaussians() -> None:
    latents, mean, log_std = torch.randn(2, 7, 3), torch.randn(2, 4, 3), 0.5 * torch.randn(2, 4, 3)
    expected = torch.distributions.Normal(mean[:, :, None], log_std.exp()[:, :, None])
    torch.testing.assert_close(
        log_likelihoods(latents, mean, log_std), expected.log_prob(latents[:, None]).sum(-1), atol=1e-4, rtol=1e-4
    )


def test_durations_have_a_spread_only_where_they_are_drawn() -> None:
    x, mask = torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)
    assert Durations(8, drawn=False)(x, mask)[1] is None
    mean, spread = Durations(8, drawn=True)(x, mask)
    assert spread is not None
    assert mean.shape == spread.shape == (2, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"d_latent": 7}, "d_latent 7 must be even"), ({"mixer": {"kind": "mamba2", "d_model": 16}}, "d_model 16")],
)
def test_settings_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    settings = SMambaConfig.tiny(12)["mamba2"].model_dump()
    with pytest.raises(ValueError, match=message):
        SMambaConfig.model_validate({**settings, **change})


def test_styles_with_speed_have_fewer_frames() -> None:
    model = build()
    assert len(speak(model, replace(Style(), speed=2.0))) < len(speak(model, Style()))


def _stack(width: int) -> EncoderConfig:
    mixer = {"kind": "mamba2", "d_state": 4, "head_dim": 8, "d_model": width}
    return EncoderConfig.model_validate({"d_model": width, "n_layers": 1, "mixers": [mixer], "d_ffn": 12})
