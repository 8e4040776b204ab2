"""SaShiMi from weights of state-spaces/s4, by name: backbone, embedding of codes, and logits.

``d_layers`` pool, ``c_layers`` run at the slowest rate, ``u_layers[i]`` unpool and run, from slow to fast. Blocks come
in pairs there, one of S4 and one of a feed-forward, each with its norm; here a pair is one block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from ssmphony.models.sashimi import Sashimi, SashimiConfig
from ssmphony.nn.block import Block, PlainFeedForward
from ssmphony.nn.stack import Stack
from ssmphony.ssm.pretrained import shape_of
from ssmphony.ssm.pretrained_s4 import load_s4
from ssmphony.ssm.s4_layer import StateSpaceMixer
from ssmphony.types import SsmphonyError

EMBEDDING, LOGITS = "encoder.0", "decoder.0.output_transform"


def load_sashimi(weights: Mapping[str, Tensor], sample_rate: int = 16_000) -> Sashimi:
    """The model, whose names may begin with ``model.``, with its embedding and logits where they are there.

    Sizes are read off the shapes. Raises `SsmphonyError` where a tensor is missing, unknown or does not fit: the
    variant with blocks before pooling (``unet``) has no equal here.
    """
    own = {name.removeprefix("model."): value for name, value in weights.items()}
    if "norm.weight" not in own or not any(name.startswith("c_layers.") for name in own):
        raise SsmphonyError("these are no weights of SaShiMi: there is no norm.weight, or no c_layers")
    rates = 1 + _count(own, r"d_layers\.(\d+)\.")
    blocks = _count(own, r"c_layers\.(\d+)\.") // 2
    widths = [len(own["norm.weight"]), *(len(own[f"d_layers.{rate}.linear.weight"]) for rate in range(rates - 1))]
    pools = [own[f"d_layers.{rate}.linear.weight"].shape[1] // widths[rate] for rate in range(rates - 1)]
    center = [f"c_layers.{2 * block}" for block in range(blocks)]
    stacks = [[f"u_layers.{rates - 2 - rate}.{1 + 2 * block}" for block in range(blocks)] for rate in range(rates - 1)]
    names = [*stacks, center]
    mixers = [[load_s4(own, f"{name}.layer.") for name in rate] for rate in names]
    config = SashimiConfig(
        sample_rate=sample_rate,
        d_model=widths[0],
        n_layers=blocks,
        pools=tuple(pools),
        expand=widths[1] // widths[0],
        mixers=tuple(map(_settings, mixers[0])),
        center=tuple(map(_settings, mixers[-1])),
        ff=own[f"{_next(center[0])}.layer.ff.0.0.weight"].shape[0] / widths[-1],
        feed_forward="gelu",
    )
    model = config.build()
    used: set[str] = set()
    for rate, stack in enumerate(cast("Iterable[Stack]", model.backbone.stacks)):
        for layer, mixer, name in zip(stack.layers, mixers[rate], names[rate], strict=True):
            block = cast("Block", layer)
            block.mixer = mixer
            feed_forward = cast("PlainFeedForward", block.ffn)
            pairs = {f"{name}.norm": block.norm, f"{_next(name)}.norm": block.ffn_norm}
            pairs |= {f"{_next(name)}.layer.ff.0.0": feed_forward.up, f"{_next(name)}.layer.ff.2": feed_forward.down}
            used |= {given for given in own if given.startswith(f"{name}.layer.")}
            used |= _copy_all(own, pairs)
    for rate in range(rates - 1):
        pairs = {f"d_layers.{rate}.linear": model.backbone.down[rate]}
        pairs |= {f"u_layers.{rates - 2 - rate}.0.linear": model.backbone.up[rate]}
        used |= _copy_all(own, pairs)
    used |= _copy_all(own, {"norm": model.norm})
    if f"{EMBEDDING}.weight" in own:
        used |= _copy_all(own, {EMBEDDING: model.embedding, LOGITS: model.head})
    if unknown := sorted(own.keys() - used):
        raise SsmphonyError(f"'{unknown[0]}' is unknown: only SaShiMi with S4 and GELU has an equal here")
    return model


def _settings(mixer: StateSpaceMixer) -> dict[str, Any]:
    systems = dict(mixer.kernel.named_parameters())["imag"].shape[0]
    return {"kind": "s4", "d_state": mixer.kernel.d_state, "n_ssm": systems}


def _count(own: Mapping[str, Tensor], pattern: str) -> int:
    found = [int(match[1]) for name in own if (match := re.match(pattern, name))]
    return max(found, default=-1) + 1


def _next(name: str) -> str:
    """The feed-forward after a block of S4."""
    before, _, number = name.rpartition(".")
    return f"{before}.{int(number) + 1}"


def _copy_all(own: Mapping[str, Tensor], pairs: Mapping[str, nn.Module]) -> set[str]:
    """Copy weights and biases into modules; the names that were read."""
    used: set[str] = set()
    for name, module in pairs.items():
        for part, target in module.named_parameters(recurse=False):
            shape_of(own, f"{name}.{part}")
            value = own[f"{name}.{part}"]
            value = value.squeeze(-1) if value.ndim == target.ndim + 1 else value
            if value.shape != target.shape:
                raise SsmphonyError(f"'{name}.{part}' has shape {tuple(value.shape)}, expected {tuple(target.shape)}")
            with torch.no_grad():
                target.copy_(value)
            used.add(f"{name}.{part}")
    return used
