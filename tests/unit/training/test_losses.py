"""Losses on sound, and the discriminators."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from ssmphony.training.discriminators import AdversarialConfig, MelDiscriminators, PicturesConfig, Verdicts
from ssmphony.training.losses import (
    MultiScaleMelLoss,
    discriminator_loss,
    dissimilarity,
    feature_matching_loss,
    generator_loss,
    random_windows,
)


@pytest.fixture(scope="module")
def noise() -> torch.Tensor:
    return 0.1 * torch.randn(2, 8192, generator=torch.Generator().manual_seed(0))


def learn(
    members: nn.Module, judge: Callable[[], tuple[Verdicts, Verdicts]], steps: int
) -> tuple[list[float], list[torch.Tensor], list[list[torch.Tensor]]]:
    """Losses of discriminators that ``judge`` asks about both sides; the last scores and features."""
    optimiser = torch.optim.Adam(members.parameters(), lr=1e-2)
    losses: list[float] = []
    for _ in range(steps):
        (real, _), (fake, features) = judge()
        loss = discriminator_loss(real, fake)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses, real, features


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


@pytest.mark.integration
@pytest.mark.parametrize("samples", [4096, 5000])
def test_discriminators_learn_to_tell_noise_from_tone(samples: int) -> None:
    torch.manual_seed(0)
    pictures = PicturesConfig(views=((240, 60, 100),), width=2)  # type: ignore[arg-type]
    members = AdversarialConfig(width=2, periods=(2, 5), windows=(512,), pictures=pictures).build()
    tone = 0.3 * torch.sin(torch.arange(samples) * 0.3).expand(2, -1)
    losses, real, features = learn(members, lambda: (members(tone), members(0.3 * torch.randn(2, samples))), 30)
    assert len(real) == len(features) == 4
    assert losses[0] > 1.5
    assert losses[-1] < losses[0] / 4


def test_loudness_tells_the_resolution_discriminator_nothing(noise: torch.Tensor) -> None:
    members = AdversarialConfig(width=2, periods=(), windows=(512,)).build().eval()
    torch.testing.assert_close(members(noise)[0][0], members(0.2 * noise + 0.05)[0][0], rtol=1e-3, atol=1e-4)


def test_pictures_see_the_magnitudes_below_their_last_bin() -> None:
    """Not phases, nor what is above the bins."""
    members = AdversarialConfig(periods=(), windows=(), pictures=PicturesConfig(width=2)).build().eval()
    time = torch.arange(8192) / 24_000
    noise = 0.1 * torch.randn(1, 8192, generator=torch.Generator().manual_seed(0))
    assert [member.view for member in members.members] == [(1200, 300, 256), (512, 128, 257), (128, 32, 65)]
    assert {member.picture.head.weight.shape[1] for member in members.members} == {8}
    high = 0.1 * torch.sin(2 * torch.pi * 9_000.0 * time)[None]
    before = members(noise)[0]
    seen = [
        [float((a - b).detach()[..., 2:-2, :].abs().max()) for a, b in zip(members(x)[0], before, strict=True)]
        for x in (-noise, noise + high)
    ]
    assert max(seen[0]) < 1e-4
    assert seen[1][0] < 0.15 * seen[1][1]


@pytest.mark.parametrize("view", [(512, 128, 258), (512, 0, 100), (512, 600, 100)])
def test_a_view_that_no_spectrum_has_is_refused(view: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="window of 512 has 257 bins"):
        PicturesConfig(views=(view,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names no discriminator"):
        AdversarialConfig(periods=(), windows=())


def test_dissimilarity_sees_detail_that_is_missing() -> None:
    """A blurred picture is less alike than one whose every point is off by as much."""
    target = torch.rand(2, 40, 30, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 40, dtype=torch.bool)
    flat = target.mean(dim=(1, 2), keepdim=True).expand_as(target)
    off = target + (flat - target).abs().mean()
    assert float(dissimilarity(target, target, mask)) == pytest.approx(0.0, abs=1e-6)
    assert float(dissimilarity(flat, target, mask)) > 0.7 > 0.3 > float(dissimilarity(off, target, mask))


def test_dissimilarity_leaves_out_what_is_masked() -> None:
    target = torch.rand(1, 40, 30, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(40)[None] < 25
    other = torch.where(mask[..., None], target, 1.0)
    torch.testing.assert_close(dissimilarity(other, target, mask), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_mel_discriminators_learn_to_tell_a_blurred_mel_from_a_sharp_one() -> None:
    torch.manual_seed(0)
    members = MelDiscriminators(width=4, windows=(8, 16))

    def judge() -> tuple[Verdicts, Verdicts]:
        sharp = torch.randn(4, 24, 20)
        places = [random_windows(torch.tensor([24, 20, 18, 24]), window) for window in members.windows]
        return members(sharp, places), members(torch.nn.functional.avg_pool1d(sharp, 3, 1, 1), places)

    losses, real, features = learn(members, judge, 40)
    assert len(real) == len(features) == 2
    assert losses[0] > 3.5
    assert losses[-1] < 1.5
