"""A tiny LeWM voice with random weights that all matter, in PyTorch and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from ssmphony.codecs import CODECS
from ssmphony.export.voice import CardConfig, export
from ssmphony.export.weights import read_weights
from ssmphony.models import MODELS
from ssmphony.text import FRONTENDS
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest

MIXERS: dict[str, dict[str, Any]] = {
    "attention": {"mixer": {"kind": "attention", "n_heads": 2, "window": 40}, "attention_window": [6, 9]},
    "mamba": {"mixer": {"kind": "mamba", "d_state": 4}, "cross_every": 2, "temperature": 0.3},
    "mamba2": {
        "mixer": {"kind": "mamba2", "d_state": 8, "head_dim": 8},
        "text_mixer": {"kind": "mamba2", "d_state": 8, "head_dim": 8},
        "pace_head": True,
        "input_noise": 0.5,
    },
}
MODEL: dict[str, Any] = {
    "kind": "lewm",
    "speakers": ["own", "other"],
    "d_latent": 8,
    "d_model": 16,
    "d_ffn": 24,
    "n_heads": 2,
    "text_layers": 1,
    "text_mixer": {"kind": "attention", "n_heads": 2},
    "n_layers": 2,
    "max_seq": 96,
    "extra_latents": 12,
    "latents_per_token": 0.5,
}
CODEC: dict[str, Any] = {
    "kind": "lewm",
    "d_latent": 8,
    "d_model": 16,
    "d_ffn": 16,
    "n_layers": 1,
    "mixer": {"kind": "attention", "n_heads": 2},
    "width": 12,
    "blocks": 2,
    "lookahead": 1,
    "direct": True,
    "vocoder": {"dim": 16, "intermediate": 24, "n_layers": 2},
}


def randomise(module: nn.Module) -> None:
    """Weights that all matter."""
    for name, parameter in module.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=(0.7 / parameter[0].numel()) ** 0.5)
        elif name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)


def build_model(mixer: str, **settings: Any) -> Any:
    """A sentence ends where the most latents are made."""
    torch.manual_seed(0)
    symbols = FRONTENDS["bytes"]().build().symbols
    model = MODELS["lewm"].model_validate({"n_symbols": len(symbols), **MODEL, **MIXERS[mixer], **settings}).build()
    randomise(model.eval())
    nn.init.constant_(model.stop.bias, -5.0)
    return model


def make_voice(out: Path) -> tuple[Voice, Path]:
    """The voice in PyTorch, and its package ``out``."""
    model = build_model("mamba2")
    codec: Any = CODECS["lewm"].model_validate(CODEC).build()
    randomise(codec.eval())
    with torch.no_grad():  # no norm holds back what the direct path brings: the sound would be too loud to compare
        codec.decoder.head.weight.mul_(0.5)
    parts = (("model", model), ("codec", codec))
    weights = {f"{part}.{name}": v.contiguous() for part, module in parts for name, v in module.state_dict().items()}
    trained = out.with_suffix(".safetensors")
    save_file(weights, trained)
    voice = {"frontend": {"kind": "bytes"}, "model": {**MODEL, **MIXERS["mamba2"]}, "codec": CODEC}
    card = CardConfig(name="lewm", language="hi")
    export(voice, trained, trained, card, out)
    model.load_state_dict(read_weights(out, "model"))
    codec.load_state_dict(read_weights(out, "codec"))
    frontend = FRONTENDS["bytes"]().build()
    return Voice(frontend, model, codec, read_manifest(out).card), out
