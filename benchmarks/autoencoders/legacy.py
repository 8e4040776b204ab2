"""The report's network and its VAE, measured as the report did, and as they should have been.

The report's distance: the means of the VAE's own encoder, of at most 20 stretches of 30 s, of copies instead of
samples, without a correction for so few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ssmphony.codecs.s4d_legacy import SAMPLE_RATE, LegacyAutoencoder, LegacyVae
from ssmphony.config import load_json, parse
from ssmphony.data.stretches import read_stretches
from ssmphony.evaluation.frechet.distance import distance
from ssmphony.evaluation.frechet.features import FEATURES
from ssmphony.evaluation.metrics.fidelity import si_sdr
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.training.tasks.s4d_legacy import S4DLegacyTaskConfig
from ssmphony.types import Samples, SsmphonyError

BATCHES = 20
"""Of the report; its batches are taken for one stretch each."""
REPORTED = {"VAE": {"training": 20.0, "held-out": 96.0}, "S4D autoencoder": {"training": 5.12, "held-out": 20.76}}


class RivalEncoder:
    """The features of the report, for `FEATURES["rival_encoder"]`: means of a VAE's posterior."""

    def __init__(self, vae: LegacyVae) -> None:
        self.vae = vae.eval()

    def features(self, samples: Samples, sample_rate: int) -> Any:
        """A stretch (length,) at 3 kHz → (1, latent)."""
        assert sample_rate == SAMPLE_RATE
        with torch.inference_mode():
            return self.vae.posterior(torch.from_numpy(samples)[None])[0].numpy()


def measure(autoencoder: Path, vae: Path) -> dict[str, Any]:
    """Rows for the recordings that were trained on and for those that were held out."""
    config, network = load(autoencoder)
    rival = load(vae)[1]
    if not isinstance(network, LegacyAutoencoder) or not isinstance(rival, LegacyVae):
        raise SsmphonyError("--legacy: give the training of the autoencoder first, then that of the VAE")
    makers: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "VAE": lambda x: rival(x)[0],
        "S4D autoencoder": network,
        "the recording without its negative half-waves": lambda x: x.clamp(min=0.0),
        "white noise as loud as the recording": lambda x: x.std() * torch.randn(x.shape),
    }
    rows: list[dict[str, Any]] = []
    sides = {"training": config.sources, "held-out": config.validation}
    models = {"rival_encoder": RivalEncoder(rival)}
    torch.manual_seed(0)
    for side, sources in sides.items():
        real = read_stretches(sources, SAMPLE_RATE, config.length)[:BATCHES]
        for name, make in makers.items():
            with torch.inference_mode():
                made = [make(torch.from_numpy(sound)[None])[0].float().numpy() for sound in real]
            rows.append({"what": name, "of": side, "clips": len(real), **row(real, made, models)})
    return {"rows": rows, "reported": REPORTED}


def load(run: Path) -> tuple[S4DLegacyTaskConfig, nn.Module]:
    """The config and the network of a training of the task ``s4d_legacy``."""
    config = parse(S4DLegacyTaskConfig, load_json(run / "config.json")["task"], str(run))
    network = config.network_of()
    load_exactly(network, read_weights(run, "model"), run, "the network")
    return config, network.eval().requires_grad_(False)


def row(real: Sequence[Samples], made: Sequence[Samples], models: Mapping[str, Any]) -> dict[str, Any]:
    """FD of the report's method and on mel statistics; SI-SDR in dB; the lowest sample, and the share of the
    recordings' energy that lies below what a GELU can give."""
    found: dict[str, Any] = {"SI-SDR": float(np.nanmean([si_sdr(a, b) for a, b in zip(real, made, strict=True)]))}
    for title, name in (("reported method", "rival_encoder"), ("mel", "mel")):
        extract = FEATURES[name].extract
        sides = ([extract(sound, SAMPLE_RATE, models) for sound in side] for side in (made, real))
        found[title] = distance(*sides)
    found["lowest"] = float(min(sound.min() for sound in made))
    found["energy below 0"] = float(sum(np.square(sound[sound < 0]).sum() for sound in made)) / float(
        sum(np.square(sound).sum() for sound in real)
    )
    return found
