"""Mamba layers from published weights, by name: of `transformers` (MambaMixer, Mamba2Mixer) and of `mamba_ssm`.

Both name their tensors alike. Sizes are read from the shapes, so that no config file is needed. What is in
no shape must be as published: SiLU as activation, no limit on the step size (``time_step_limit`` (0, inf)).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor, nn

from ssmphony.ssm.mamba import Mamba, MambaConfig
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config
from ssmphony.types import SsmphonyError

Layer = TypeVar("Layer", bound=nn.Module)

#: Their names that differ from ours.
RENAMED = {"conv1d.weight": "conv.weight", "conv1d.bias": "conv.bias", "dt_proj.bias": "dt_bias"}


def load_mamba(weights: Mapping[str, Tensor], prefix: str = "") -> Mamba:
    """A `Mamba` with the weights whose names start with ``prefix``, such as ``backbone.layers.0.mixer.``.

    Raises `SsmphonyError` where a tensor is missing, unknown or of the wrong shape.
    """
    own = _own_names(weights, prefix)
    d_model, d_inner = shape_of(own, "out_proj.weight", 2)
    config = MambaConfig(
        d_model=d_model,
        d_state=shape_of(own, "A_log", 2)[1],
        d_conv=shape_of(own, "conv.weight", 2)[1],
        expand=_quotient(d_inner, d_model, "out_proj.weight"),
        dt_rank=shape_of(own, "dt_proj.weight", 2)[1],
        bias="in_proj.bias" in own,
        conv_bias="conv.bias" in own,
    )
    return _filled(config.build(), own)


def load_mamba2(weights: Mapping[str, Tensor], prefix: str = "", n_groups: int = 1, norm_eps: float = 1e-5) -> Mamba2:
    """A `Mamba2` with the weights whose names start with ``prefix``; ``n_groups`` and ``norm_eps`` are in no shape.

    Raises `SsmphonyError` where a tensor is missing, unknown or of the wrong shape.
    """
    own = _own_names(weights, prefix)
    d_model, d_inner = shape_of(own, "out_proj.weight", 2)
    channels, d_conv = shape_of(own, "conv.weight", 2)
    config = Mamba2Config(
        d_model=d_model,
        d_state=_quotient(channels - d_inner, 2 * n_groups, "conv.weight"),
        d_conv=d_conv,
        expand=_quotient(d_inner, d_model, "out_proj.weight"),
        head_dim=_quotient(d_inner, shape_of(own, "A_log", 1)[0], "A_log"),
        n_groups=n_groups,
        bias="in_proj.bias" in own,
        conv_bias="conv.bias" in own,
        norm_eps=norm_eps,
    )
    return _filled(config.build(), own)


def _own_names(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    own: dict[str, Tensor] = {}
    for short, value in own_names(weights, prefix).items():
        own[RENAMED.get(short, short)] = value.squeeze(1) if short == "conv1d.weight" else value
    return own


def own_names(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights whose names start with ``prefix``, without it."""
    own = {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}
    if not own:
        raise SsmphonyError(f"no weights start with '{prefix}': look at the names in the file and pass their prefix")
    return own


def shape_of(own: Mapping[str, Tensor], name: str, dimensions: int | None = None) -> tuple[int, ...]:
    """The shape of a tensor that must be there, with this number of ``dimensions``."""
    if name not in own:
        raise SsmphonyError(f"weights of this layer need '{name}'; found {', '.join(sorted(own))}")
    if dimensions is not None and own[name].ndim != dimensions:
        raise SsmphonyError(f"'{name}' must have {dimensions} dimensions, got {tuple(own[name].shape)}")
    return tuple(own[name].shape)


def _quotient(whole: int, part: int, name: str) -> int:
    if whole <= 0 or whole % part:
        raise SsmphonyError(f"'{name}' does not fit: {whole} is no multiple of {part}; is it a layer of another kind?")
    return whole // part


def _filled(layer: Layer, own: Mapping[str, Tensor]) -> Layer:
    mine = layer.state_dict()
    for name in sorted(mine.keys() ^ own.keys()):
        problem = "missing" if name in mine else "unknown"
        raise SsmphonyError(f"'{name}' is {problem}: these are not the weights of a {type(layer).__name__} layer")
    for name, value in own.items():
        if value.shape != mine[name].shape:
            raise SsmphonyError(f"'{name}' has shape {tuple(value.shape)}, expected {tuple(mine[name].shape)}")
    layer.load_state_dict(dict(own))
    return layer
