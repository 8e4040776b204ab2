"""Gaussian audio latents ↔ samples: what LeWM TTS predicts, between an encoder of log-mel and the source-filter head.

``bottleneck: vae`` is a variational autoencoder (Kingma and Welling, arXiv 1312.6114); ``sigreg`` leaves it to the
training to make the latents Gaussian (LeJEPA, arXiv 2511.08544). In training the decoder reads latents with noise on
them, which it forgives later: that of the posterior, or one of constant size. What is around the bottleneck is
`ssmphony.codecs.mel_codec`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ssmphony.codecs.mel_codec import TINY, MelCodec, MelCodecConfig
from ssmphony.nn.posterior import Posterior


class LatentConfig(MelCodecConfig):
    """A codec of Gaussian latents; see the module's docstring."""

    frames: ClassVar[str] = "latent"
    kind: Literal["latent"] = "latent"
    d_latent: int = Field(default=32, ge=1)
    """Channels of a latent."""
    bottleneck: Literal["vae", "sigreg"] = "vae"
    """What makes the latents Gaussian: a divergence from the standard normal, or SIGReg."""
    noise: float = Field(default=0.2, ge=0.0)
    """Standard deviation of the noise of ``sigreg`` in training."""

    @classmethod
    def tiny(cls) -> dict[str, LatentConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        forms: dict[str, dict[str, Any]] = {
            "": {"d_latent": 6},
            "sigreg": {"d_latent": 5, "bottleneck": "sigreg", "blocks": ("convnext", "s4d")},
        }
        return {form: cls.model_validate({**TINY, **settings}) for form, settings in forms.items()}

    def build(self) -> Latent:
        return Latent(self)


class Latent(MelCodec):
    """A frame is a latent: the mean, where there is a distribution."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__(config, (2 if config.bottleneck == "vae" else 1) * config.d_latent, config.d_latent)
        self.config, self.sigreg = config, config.bottleneck == "sigreg"
        self.grid = self.frame_grid(config.d_latent)

    def frames_of(self, encoded: Tensor) -> Tensor:
        return encoded[..., : self.config.d_latent]

    def values(self, frames: Tensor) -> Tensor:
        return frames

    def analyse_with_losses(self, samples: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        encoded = self.encoded(samples)
        if self.sigreg:
            noise = self.config.noise if self.training else 0.0
            return encoded + noise * torch.randn_like(encoded), {}
        posterior = Posterior.of(encoded)
        latents = posterior.sample() if self.training else posterior.mean
        return latents, {"divergence": posterior.divergence()}
