"""LeWM voices with random weights for measuring speed: one a mixer, all with the parameters of the faithful one.

A sentence of an untrained voice would end anywhere, so the head that ends it is silenced: a sentence has `PACE` latents
a token, the pace of the recordings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from benchmarks.machine import ROOT
from benchmarks.spoken_texts import SENTENCES
from ssmphony.codecs.latent import Latent
from ssmphony.codecs.lewm import LeWMCodec
from ssmphony.config import load_yaml, merge
from ssmphony.export.voice import CardConfig, export
from ssmphony.models.lewm_model import LeWM
from ssmphony.text.registry import build_frontend
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Tokens

CONFIGS = ROOT / "configs" / "lewm"
MIXERS: dict[str, dict[str, Any]] = {
    "attention": {"kind": "attention"},
    "mamba": {"kind": "mamba"},
    "mamba2": {"kind": "mamba2"},
}
PACE = 0.6
"""Latents a byte of Hindi text, of the codec `lewm`."""
RATE = 40.0 / 23.4
"""How many more the codec `latent` has."""
NEVER = -1e4


def voice_block(config: str, mixer: str | None = None, d_ffn: int | None = None) -> VoiceConfig:
    """The voice of ``configs/lewm/<config>.yaml``, with another causal mixer and feed-forwards of another width."""
    data: dict[str, Any] = load_yaml(CONFIGS / f"{config}.yaml")["voice"]
    own = data["model"]["mixer"]
    kept = own if mixer is None or (isinstance(own, dict) and own["kind"] == mixer) else MIXERS[mixer]
    pace = PACE * (RATE if data["codec"]["kind"] == "latent" else 1.0)
    changes: dict[str, Any] = {"latents_per_token": pace, "extra_latents": 0, "mixer": kept}
    if d_ffn is not None:
        changes["d_ffn"] = d_ffn
    return VoiceConfig(**merge(data, {"model": changes}))


def windowed(block: VoiceConfig, window: int) -> VoiceConfig:
    """The voice with attention over ``window`` latents."""
    return block.model_copy(update={"model": {**(block.model or {}), "mixer": {"kind": "attention", "window": window}}})


def model_of(block: VoiceConfig) -> LeWM:
    torch.manual_seed(0)
    model: LeWM = block.model_settings(len(block.frontend_symbols())).build()
    if model.stop is not None:
        nn.init.constant_(model.stop.bias, NEVER)
    return model.eval().requires_grad_(False)


def codec_of(block: VoiceConfig) -> LeWMCodec | Latent:
    torch.manual_seed(1)
    codec: LeWMCodec | Latent = block.codec_settings().build()
    return codec.eval().requires_grad_(False)


def sentences_of(block: VoiceConfig) -> list[Tokens]:
    """The sentences that are spoken, as the voice's frontend reads them."""
    frontend = build_frontend(block.frontend or {})
    return [next(iter(frontend.sentences(text))) for text in SENTENCES]


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def matched(config: str, mixer: str) -> VoiceConfig:
    """As many parameters as with attention: the feed-forwards of model give way to a larger mixer."""
    wanted = count(model_of(voice_block(config, "attention")))
    d_ffn = int((voice_block(config, mixer).model or {})["d_ffn"])
    sizes = [count(model_of(voice_block(config, mixer, width))) for width in (d_ffn, d_ffn + 1)]
    return voice_block(config, mixer, d_ffn + round((wanted - sizes[0]) / (sizes[1] - sizes[0])))


def exported(block: VoiceConfig, name: str, folder: Path) -> Path:
    """The voice package ``folder / name``; what is there already is taken as it is."""
    out = folder / name
    if not out.exists():
        parts = {"model": model_of(block), "codec": codec_of(block)}
        weights = {
            f"{part}.{key}": value.contiguous()
            for part, module in parts.items()
            for key, value in module.state_dict().items()
        }
        folder.mkdir(parents=True, exist_ok=True)
        trained = folder / f"{name}.safetensors"
        save_file(weights, trained)
        export(block.model_dump(), trained, trained, CardConfig(name=name, language="hi"), out)
        trained.unlink()
    return out
