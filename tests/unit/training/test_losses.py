"""Losses on sound, and the discriminators."""

from __future__ import annotations

import pytest
import torch

from ssmphony.training.discriminators import Discriminators
from ssmphony.training.losses import MultiScaleMelLoss, discriminator_loss, feature_matching_loss, generator_loss


@pytest.fixture(scope="module")
def noise() -> torch.Tensor:
    return 0.1 * torch.randn(2, 8192, generator=torch.Generator().manual_seed(0))


def test_spectral_loss_is_zero_for_equal_sound_and_grows_with_the_difference(noise: torch.Tensor) -> None:
    loss = MultiScaleMelLoss(24_000)
    assert float(loss(noise, noise)) == 0.0
    distances = [float(loss(gain * noise, noise)) for gain in (1.1, 1.5, 3.0)]
    assert distances == sorted(distances)
    # a gain moves every logarithm alike: six scales of mel, two of them with the linear distance at half weight
    torch.testing.assert_close(torch.tensor(distances[-1]), torch.log(torch.tensor(3.0)) * 7 / 6, rtol=1e-3, atol=0)


def test_spectral_loss_of_silence_has_a_gradient() -> None:
    silence = torch.zeros(1, 8192, requires_grad=True)
    MultiScaleMelLoss(24_000)(silence, torch.zeros(1, 8192)).backward()
    assert silence.grad is not None
    assert bool(silence.grad.isfinite().all())


def test_hinge_losses() -> None:
    sure, unsure = torch.tensor([2.0, 3.0]), torch.tensor([0.0, 0.0])
    assert float(discriminator_loss([sure], [-sure])) == 0.0
    assert float(discriminator_loss([unsure, unsure], [unsure, unsure])) == 4.0
    assert float(generator_loss([sure, unsure])) == 1.0
    assert float(feature_matching_loss([[sure, sure], [sure]], [[unsure, unsure], [unsure]])) == 7.5


@pytest.mark.parametrize("samples", [4096, 5000])
def test_discriminators_learn_to_tell_noise_from_tone(samples: int) -> None:
    torch.manual_seed(0)
    members = Discriminators(width=2, periods=(2, 5), windows=(512,))
    optimiser = torch.optim.Adam(members.parameters(), lr=1e-2)
    tone = 0.3 * torch.sin(torch.arange(samples) * 0.3).expand(2, -1)
    losses: list[float] = []
    for _ in range(30):
        real, _ = members(tone)
        fake, features = members(0.3 * torch.randn(2, samples))
        loss = discriminator_loss(real, fake)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert len(real) == len(features) == 3
    assert losses[0] > 1.5
    assert losses[-1] < 0.5


def test_loudness_tells_the_resolution_discriminator_nothing(noise: torch.Tensor) -> None:
    members = Discriminators(width=2, periods=(), windows=(512,)).eval()
    torch.testing.assert_close(members(noise)[0][0], members(0.2 * noise + 0.05)[0][0], rtol=1e-3, atol=1e-4)
