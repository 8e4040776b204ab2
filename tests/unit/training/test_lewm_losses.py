"""The losses of LeWM TTS against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ssmphony.training.lewm_losses import (
    ModulationLoss,
    alignment_loss,
    kl_divergence,
    pace_loss,
    sigreg,
    spoken_tokens,
    stop_loss,
)
from ssmphony.training.tasks.lewm import spectrum

EVERY = torch.ones(2, 5, dtype=torch.bool)


def test_kl_of_a_standard_normal_is_zero() -> None:
    mean = torch.zeros(2, 5, 3)
    assert float(kl_divergence(mean, mean, EVERY)) == 0.0
    assert float(kl_divergence(mean + 2.0, mean, EVERY)) == pytest.approx(2.0)
    assert float(kl_divergence(mean, mean + 1.0, EVERY)) == pytest.approx(0.5 * (np.e - 2.0), rel=1e-5)


def test_kl_is_that_of_torch_and_leaves_padding_out() -> None:
    mean, log_variance = torch.randn(2, 2, 5, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0))[mask].mean()
    mean[1, 2:] = 1e3
    torch.testing.assert_close(kl_divergence(mean, log_variance, mask), expected)


def test_sigreg_of_a_gaussian_is_the_integral() -> None:
    """Sampling error alone: E n |phi_n - phi|² = 1 - phi², over [0, 3] with weight phi: 0.526."""
    torch.manual_seed(0)
    values = [float(sigreg(torch.randn(256, 16), 256)) for _ in range(8)]
    assert np.mean(values) == pytest.approx(0.526, rel=0.05)


@pytest.mark.parametrize(
    "samples",
    [torch.zeros(256, 16), torch.ones(256, 16), torch.randn(256, 1).expand(-1, 16), 3.0 * torch.randn(256, 16)],
    ids=["collapsed", "constant", "one dimension", "too wide"],
)
def test_sigreg_of_anything_else_is_large(samples: torch.Tensor) -> None:
    assert float(sigreg(samples, 256)) > 5.0


def test_sigreg_pulls_towards_a_gaussian() -> None:
    torch.manual_seed(0)
    samples = torch.nn.Parameter(0.05 * torch.randn(128, 4) + 1.0)
    optimiser = torch.optim.Adam([samples], 0.05)
    for _ in range(150):
        optimiser.zero_grad()
        sigreg(samples, 64).backward()
        optimiser.step()
    assert samples.mean(0).abs().max() < 0.2
    assert 0.7 < float(samples.var(0).mean()) < 1.3


def test_rank_of_a_collapsed_latent_is_one() -> None:
    torch.manual_seed(0)
    wide, narrow = torch.randn(2000, 8), torch.randn(2000, 1).expand(-1, 8)
    assert float(spectrum(wide)[1]) == pytest.approx(8.0, rel=0.02)
    assert float(spectrum(narrow)[1]) == pytest.approx(1.0, rel=0.02)


def test_modulation_loss_sees_what_a_mean_hides() -> None:
    """A band that moves has modulations; its mean, which has the lower L1 distance to it, has none."""
    time = torch.arange(300)
    mask = torch.ones(1, 300, dtype=torch.bool)
    target = torch.sin(2 * torch.pi * time / 16)[None, :, None].expand(1, 300, 4)
    loss = ModulationLoss()
    assert float(loss(target, target, mask)) == 0.0
    late = target.roll(6, dims=1)
    flat = torch.zeros_like(target)
    assert (late - target).abs().mean() > (flat - target).abs().mean()
    assert loss(late, target, mask) < loss(flat, target, mask)


def test_modulation_loss_leaves_padding_out_and_takes_short_clips() -> None:
    target, made = torch.randn(2, 2, 20, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(20) < torch.tensor([[20], [11]])
    loss = ModulationLoss()
    expected = loss(made, target, mask)
    made[1, 11:] = 7.0
    torch.testing.assert_close(loss(made, target, mask), expected)


def test_stop_loss_is_zero_where_the_end_is_known() -> None:
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    logits = torch.full((2, 5), -30.0)
    logits[0, 4] = logits[1, 2] = 30.0
    assert float(stop_loss(logits, mask, 5.0)) < 1e-6
    logits[0, 3] = 30.0  # one latent early is no mistake
    assert float(stop_loss(logits, mask, 5.0)) < 1e-6
    logits[0, 1] = 30.0
    assert float(stop_loss(logits, mask, 5.0)) > 1.0


def test_spoken_tokens_follow_known_times() -> None:
    anchors = ((1, 4, 10.0, 40.0), (5, 6, 60.0, 70.0))
    tokens = spoken_tokens(anchors, 8, 100, np.array([0.0, 10.0, 25.0, 40.0, 50.0, 65.0, 100.0]))
    np.testing.assert_allclose(tokens, [0, 0.5, 2, 3.5, 4, 5, 7], atol=1e-6)
    np.testing.assert_allclose(spoken_tokens((), 5, 100, np.array([0.0, 50.0, 100.0])), [0, 2, 4])


def test_alignment_loss_wants_attention_where_speech_is() -> None:
    places = torch.tensor([[0.0, 2.0, 4.0]])
    mask = torch.ones(1, 3, dtype=torch.bool)
    width = torch.tensor([1.0])
    right = torch.zeros(1, 3, 5)
    right[0, range(3), [0, 2, 4]] = 1.0
    assert float(alignment_loss(right, places, width, mask)) == pytest.approx(0.0, abs=1e-4)
    assert alignment_loss(right.flip(2), places, width, mask) > 3.0
    even = torch.full((1, 3, 5), 0.2, requires_grad=True)
    alignment_loss(even, places, width, mask).backward()
    assert even.grad is not None
    assert int(even.grad[0, 1].argmin()) == 2


def test_pace_loss_is_of_the_way_from_latent_to_latent() -> None:
    places = torch.tensor([[0.0, 1.0, 3.0, 0.0], [0.0, 2.0, 4.0, 6.0]])
    mask = torch.tensor([[True, True, True, False], [True] * 4])
    paces = torch.tensor([[1.0, 2.0, 50.0, 50.0], [2.0, 2.0, 2.0, 50.0]])
    assert float(pace_loss(paces, places, mask)) == 0.0
    assert float(pace_loss(paces + 1.0, places, mask)) == pytest.approx(1.0)
