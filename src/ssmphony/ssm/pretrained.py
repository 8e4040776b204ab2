"""Mamba layers from published weights, by name: of `transformers` (MambaMixer, Mamba2Mixer) and of `mamba_ssm`.

Both use the same names. Sizes are read from the shapes. What the shapes do not show is read from the model's config,
and refused where these layers have no equivalent: norms without weights of B, C and the step (FalconMamba), other
activations.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from torch import Tensor, nn

from ssmphony.ssm.mamba import Mamba, MambaConfig
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config
from ssmphony.types import SsmphonyError

Layer = TypeVar("Layer", bound=nn.Module)
Weights = Mapping[str, Tensor] | nn.Module

_log = logging.getLogger(__name__)

#: Their names that differ from ours.
RENAMED = {"conv1d.weight": "conv.weight", "conv1d.bias": "conv.bias", "dt_proj.bias": "dt_bias"}


def load_mamba(weights: Weights, prefix: str = "", config: Any = None) -> Mamba:
    """A `Mamba` from published weights.

    Args:
        weights: A ``state_dict``, or the mixer itself, whose config is then known.
        prefix: What the names of the layer's weights start with, such as ``backbone.layers.0.mixer.``.
        config: The model's config, as in its ``config.json`` or as an object. Without it the weights are taken for
            Mamba's, which is logged: FalconMamba's have the same names and shapes but are of another layer.

    Raises:
        SsmphonyError: A tensor is missing, unknown or of the wrong shape, or the config is that of another layer.
    """
    tensors, settings = _read(weights, config)
    own = _own_names(tensors, prefix)
    if settings is None:
        _log.warning("load_mamba: the weights are taken for Mamba's; pass config, FalconMamba's have the same names")
    _require_kind(settings or {}, "mamba")
    d_model, d_inner = shape_of(own, "out_proj.weight", 2)
    built = MambaConfig(
        d_model=d_model,
        d_state=shape_of(own, "A_log", 2)[1],
        d_conv=shape_of(own, "conv.weight", 2)[1],
        expand=_quotient(d_inner, d_model, "out_proj.weight"),
        dt_rank=shape_of(own, "dt_proj.weight", 2)[1],
        bias="in_proj.bias" in own,
        conv_bias="conv.bias" in own,
    )
    return _filled(built.build(), own)


def load_mamba2(
    weights: Weights,
    prefix: str = "",
    n_groups: int | None = None,
    norm_eps: float | None = None,
    config: Any = None,
) -> Mamba2:
    """A `Mamba2` from published weights.

    Args:
        weights: A ``state_dict``, or the mixer itself, whose config is then known.
        prefix: What the names of the layer's weights start with.
        n_groups: Groups of B and C, which no shape shows: must be given unless the config has them.
        norm_eps: Added in the norm; that of the config, or 1e-5.
        config: The model's config, as in its ``config.json`` or as an object. It also says how steps are bounded and
            whether the norm comes before the gate.

    Raises:
        SsmphonyError: A tensor is missing, unknown or of the wrong shape, the groups are not known, or the config is
            that of another layer.
    """
    tensors, settings = _read(weights, config)
    own = _own_names(tensors, prefix)
    settings = settings or {}
    _require_kind(settings, "mamba2")
    d_model, d_inner = shape_of(own, "out_proj.weight", 2)
    channels, d_conv = shape_of(own, "conv.weight", 2)
    groups = _first(settings, "n_groups", "ngroups") if n_groups is None else n_groups
    if groups is None:
        raise SsmphonyError("the number of groups is in no shape of a Mamba-2 layer: pass n_groups, or config")
    heads = shape_of(own, "dt_bias", 1)[0]
    low, high = map(float, _first(settings, "time_step_limit", "dt_limit") or (0.0, math.inf))
    known = _first(settings, "layer_norm_epsilon", "norm_eps") if norm_eps is None else norm_eps
    built = Mamba2Config(
        d_model=d_model,
        d_state=_quotient(channels - d_inner, 2 * int(groups), "conv.weight"),
        d_conv=d_conv,
        expand=_quotient(d_inner, d_model, "out_proj.weight"),
        head_dim=_quotient(d_inner, heads, "dt_bias"),
        n_groups=int(groups),
        bias="in_proj.bias" in own,
        conv_bias="conv.bias" in own,
        norm_eps=1e-5 if known is None else float(known),
        norm_before_gate=bool(_first(settings, "norm_before_gate")),
        D_per_channel=shape_of(own, "D") == (d_inner,) and d_inner != heads,
        dt_limit=None if (low, high) == (0.0, math.inf) else (low, high),
    )
    return _filled(built.build(), own)


def _read(weights: Weights, config: Any) -> tuple[Mapping[str, Tensor], Mapping[str, Any] | None]:
    """Tensors by name, and the settings of the config, or None."""
    if isinstance(weights, nn.Module):
        # A mixer holds its config, or what it took from it, and its class is named after the layer.
        own = {**vars(weights), "model_type": type(weights).__name__.removesuffix("Mixer").lower()}
        config = getattr(weights, "config", own) if config is None else config
        weights = weights.state_dict()
    if config is None:
        return weights, None
    found = cast("Mapping[str, Any]", config if isinstance(config, Mapping) else vars(config))
    nested: Mapping[str, Any] = found.get("ssm_cfg") or {}  # of mamba_ssm
    kind = getattr(config, "model_type", None) or found.get("model_type") or nested.get("layer")
    return weights, {**found, **nested, "model_type": kind}


def _require_kind(settings: Mapping[str, Any], kind: str) -> None:
    """Refuse settings of a layer that is not of this kind."""
    named = str(settings.get("model_type") or kind).lower()
    if named not in (kind, f"{kind}1"):
        raise SsmphonyError(f"these are weights of a model '{named}', which computes another layer than '{kind}'")
    activation = _first(settings, "hidden_act", "activation")
    if activation not in (None, "silu", "swish"):
        raise SsmphonyError(f"these layers have SiLU, the config says '{activation}'")
    if settings.get("rmsnorm") is False:
        raise SsmphonyError("a Mamba-2 layer has a norm before its output, and the config says rmsnorm: false")


def _first(settings: Mapping[str, Any], *names: str) -> Any:
    """The value of the first name that is there."""
    return next((settings[name] for name in names if settings.get(name) is not None), None)


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
