"""The S4D autoencoder: what it compresses, that its VAE is stable, and each defect of the network it replaces."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.s4d_autoencoder import S4DAutoencoder, S4DAutoencoderConfig
from ssmphony.codecs.s4d_legacy import LENGTH, LegacyAutoencoder, LegacyVae
from ssmphony.evaluation.frechet.distance import distance
from ssmphony.nn.posterior import LOG_VARIANCE, Posterior
from ssmphony.ssm.s4d import S4DKernel

TINY = S4DAutoencoderConfig.tiny()


def build(form: str) -> S4DAutoencoder:
    torch.manual_seed(0)
    return TINY[form].build().eval()


@pytest.mark.parametrize(
    ("settings", "ratio", "bits"),
    [
        ({}, 2.0, 125 * 64 * 32),
        ({"channels": 32}, 4.0, 125 * 32 * 32),
        ({"bottleneck": "fsq", "levels": (8, 5, 5, 5), "codes": 8}, 4.0, 125 * 8 * math.log2(1000)),
        ({"sample_rate": 24_000, "channels": 16}, 8.0, 187.5 * 16 * 32),
    ],
)
def test_compression_in_numbers_and_bits(settings: dict[str, object], ratio: float, bits: float) -> None:
    found = S4DAutoencoderConfig.model_validate({"n_layers": 1, **settings}).build().compression
    assert found.ratio == ratio
    assert found.bits_per_second == pytest.approx(bits)


def test_the_encoder_streams() -> None:
    codec = build("")
    samples = torch.randn(2, 64)
    whole, _ = codec.encode_steps(samples, codec.initial_encoder(2))
    state, parts = codec.initial_encoder(2), []
    for part in samples.split([8, 24, 16, 16], dim=1):
        hidden, state = codec.encode_steps(part, state)
        parts.append(hidden)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


def test_any_length_and_both_half_waves() -> None:
    codec = build("")
    for count in (1, 7, 100):
        frames = codec.encode(torch.randn(1, count))
        assert codec.render(frames).samples.shape == (1, 8 * (1 + count // 8))
    for parameter in codec.parameters():
        nn.init.normal_(parameter, std=0.4)
    samples = codec.render(torch.randn(1, 400, 5)).samples
    assert samples.min() < -0.3
    assert samples.max() > 0.3


def test_the_posterior_is_bounded_whatever_the_encoder_says() -> None:
    hidden = torch.cat([torch.zeros(1, 3, 5), torch.tensor([-1e4, 0.0, 1e4])[None, :, None].expand(1, 3, 5)], -1)
    hidden.requires_grad_()
    posterior = Posterior.of(hidden)
    assert posterior.log_variance.min() >= LOG_VARIANCE[0]
    assert posterior.log_variance.max() <= LOG_VARIANCE[1]
    posterior.divergence().backward()
    assert hidden.grad is not None
    assert hidden.grad.isfinite().all()


def test_a_vae_of_wild_input_trains_without_a_glitch() -> None:
    """The source's VAE on S4D lost its gradient or let it explode; here it stays finite, even at a high rate."""
    codec = build("vae").train()
    optimiser = torch.optim.AdamW(codec.parameters(), 2e-2)
    random = torch.Generator().manual_seed(0)
    for step in range(30):
        samples = (10.0 ** (step % 4 - 2)) * torch.randn(4, 256, generator=random)
        frames, costs = codec.analyse_with_losses(samples)
        loss = F.l1_loss(codec.render(frames).samples[:, :256], samples.clamp(-1, 1)) + 1e-2 * costs["divergence"]
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        assert norm.isfinite()
        assert 0.0 < norm < 1e3
        optimiser.step()
    assert all(parameter.isfinite().all() for parameter in codec.parameters())


def test_the_divergence_is_zero_for_the_prior_and_that_of_two_gaussians() -> None:
    assert Posterior.of(torch.zeros(1, 2, 10)).divergence().abs() < 0.2  # log-variance near 0
    posterior = Posterior.of(torch.cat([torch.full((1, 1, 5), 2.0), torch.zeros(1, 1, 5)], -1))
    variance = posterior.log_variance.exp()
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(posterior.mean, variance.sqrt()), torch.distributions.Normal(0.0, 1.0)
    ).mean()
    torch.testing.assert_close(posterior.divergence(), expected)


def test_what_is_drawn_differs_from_the_mean_in_training_alone() -> None:
    codec, samples = build("vae"), torch.randn(1, 64)
    assert torch.equal(codec.analyse(samples), codec.analyse(samples))
    codec.train()
    assert not torch.equal(codec.analyse(samples), codec.analyse(samples))


def test_s4d_and_dilated_have_about_as_many_parameters() -> None:
    s4d = S4DAutoencoderConfig(channels=32).build()
    dilated = S4DAutoencoderConfig(channels=32, blocks="dilated", widths=(32, 60, 118, 118)).build()
    counts = [sum(parameter.numel() for parameter in codec.parameters()) for codec in (s4d, dilated)]
    assert counts[1] == pytest.approx(counts[0], rel=0.03)


# -- the network of the report ----------------------------------------------------------------------------------------


def test_nearly_all_parameters_of_the_legacy_network_are_places_in_time() -> None:
    network = LegacyAutoencoder()
    counts = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sum(counts.values()) == 270_093
    assert sum(count for name, count in counts.items() if not name.startswith("norm")) == 93


def test_the_legacy_network_compresses_nothing() -> None:
    assert LegacyAutoencoder(length=600).encode(torch.randn(1, 600)).numel() == 600
    conv, transposed = LegacyAutoencoder().d1, LegacyAutoencoder().u2
    with torch.no_grad():  # even places into one channel, odd ones into the other, and back
        conv.weight.copy_(torch.eye(2)[:, None])
        transposed.weight.copy_(torch.eye(2)[:, None])
        conv.bias.zero_()  # type: ignore[union-attr]
        transposed.bias.zero_()  # type: ignore[union-attr]
    x = torch.randn(1, 1, 100)
    assert torch.equal(transposed(conv(x)), x)


def test_the_legacy_network_loses_negative_half_waves() -> None:
    torch.manual_seed(0)
    network = LegacyAutoencoder(length=600)
    wave = torch.sin(torch.arange(600.0) / 5.0)[None]
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        loss = F.mse_loss(network(wave), wave)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    y = network(wave)
    assert y.min() > -0.1701
    assert F.mse_loss(y, wave) > 0.8 * (wave.clamp(max=-0.17) + 0.17).square().mean()


def test_the_legacy_network_takes_one_length() -> None:
    with pytest.raises(RuntimeError, match="normalized_shape"):
        LegacyAutoencoder()(torch.zeros(1, LENGTH - 2))


def kernel_in_half_precision(dt: float, d_state: int, length: int) -> Tensor:
    """The kernel of S4D-Lin as published code computes it, where everything is float16: (length,).

    The phase ``dt pi n l`` of the last steps passes the largest number of float16, 65,504, where ``n`` is large; the
    cosine of infinity is no number. Over the 45,000 steps of the second layer, with dt of 0.048 in the middle of its
    range, that is so for more than 20 states.
    """
    n = torch.arange(d_state // 2, dtype=torch.float16)
    steps = torch.arange(length).to(torch.float16)
    phase = (torch.tensor(dt, dtype=torch.float16) * torch.pi * n).to(torch.float16)[:, None] * steps
    decay = (-0.5 * torch.tensor(dt, dtype=torch.float16)) * steps
    return (decay.exp() * phase.float().cos().half()).sum(0)


@pytest.mark.parametrize(("d_state", "finite"), [(10, True), (20, True), (22, False), (64, False)])
def test_half_precision_breaks_the_kernel_above_20_states(d_state: int, finite: bool) -> None:
    assert bool(kernel_in_half_precision(0.048, d_state, LENGTH // 2).isfinite().all()) == finite
    kernel = S4DKernel(1, d_state)
    with torch.no_grad():
        kernel.log_dt.fill_(math.log(0.048))
        assert kernel.half().kernel(LENGTH).isfinite().all()


def test_the_features_of_the_competitor_do_not_hear_what_it_cannot_encode() -> None:
    """The report's method: features are the means of the VAE's encoder. What lies in the null space of its first
    convolution, here a tone as loud as the rest, changes none of them: the distance is zero, and a copy without that
    tone is called perfect. A distance on the samples' own statistics is not."""
    torch.manual_seed(0)
    vae = LegacyVae(length=2_000, latent=8).eval()
    first = vae.down[0]
    assert isinstance(first, nn.Conv1d)
    tone = torch.zeros(2_000)
    tone[::2], tone[1::2] = 1.0, -1.0
    with torch.no_grad():  # filters that are blind to the highest frequency
        pairs = first.weight.unflatten(-1, (10, 2)).mean(-1, keepdim=True)
        first.weight.copy_(pairs.expand(-1, -1, -1, 2).flatten(-2))
        tone[:11] = tone[-11:] = 0.0  # whole pairs, at every place of a filter
        copies = torch.randn(40, 2_000)
        recordings = copies + tone
        features = [[row[None].numpy() for row in vae.posterior(x)[0]] for x in (recordings, copies)]
    levels = [
        [torch.stack([clip.abs().mean(), clip.diff().abs().mean()])[None].numpy() for clip in side]
        for side in (recordings, copies)
    ]
    assert distance(*features) < 1e-4
    assert distance(*levels) > 0.1
