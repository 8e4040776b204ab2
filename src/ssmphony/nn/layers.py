"""Sequence layers by the name that a config file gives them: a new one is added to `MIXERS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, SerializeAsAny, ValidationInfo

from ssmphony.config import LayerConfig, choose
from ssmphony.nn.attention import AttentionConfig
from ssmphony.nn.conv import CausalConvConfig
from ssmphony.ssm.gated_delta import GatedDeltaNetConfig
from ssmphony.ssm.mamba import MambaConfig
from ssmphony.ssm.mamba2 import Mamba2Config
from ssmphony.ssm.mamba3 import Mamba3Config
from ssmphony.ssm.s4_layer import S4Config, S4DConfig
from ssmphony.types import SsmphonyError

MIXERS: dict[str, type[LayerConfig]] = {
    "s4": S4Config,
    "s4d": S4DConfig,
    "mamba": MambaConfig,
    "mamba2": Mamba2Config,
    "mamba3": Mamba3Config,
    "gated_deltanet": GatedDeltaNetConfig,
    "attention": AttentionConfig,
    "causal_conv": CausalConvConfig,
}


def of_width(field: str) -> BeforeValidator:
    """Reads the settings of a layer into its config; ``field`` of the config around it is the width."""

    def read(layer: Any, info: ValidationInfo) -> Any:
        return _config(_within(layer, info.data.get(field)))

    return BeforeValidator(read)


def _within(layer: Any, d_model: int | None) -> Any:
    """The settings of a layer inside a model of ``d_model`` channels: the width need not be repeated.

    Args:
        layer: The kind alone, a mapping of settings, or a config. Anything else is returned as it is.
        d_model: Channels of the model; None where the model's own setting is wrong.

    Raises:
        ValueError: If the layer has another width.
    """
    settings: Any = {"kind": layer} if isinstance(layer, str) else layer
    if d_model is None or not isinstance(settings, Mapping | LayerConfig):
        return settings
    if isinstance(settings, LayerConfig):
        kind, width = settings.kind, settings.d_model
    else:
        settings = {"d_model": d_model, **cast("Mapping[str, Any]", settings)}
        kind, width = settings.get("kind"), settings["d_model"]
    if width != d_model:
        raise ValueError(f"layer '{kind}' has d_model {width}, but the model around it {d_model}: leave it out")
    return settings


def _config(layer: Any) -> Any:
    """A config of the kind that the settings of a layer name."""
    if not isinstance(layer, Mapping):
        return layer
    settings = cast("Mapping[str, Any]", layer)
    try:
        config = choose(MIXERS, str(settings.get("kind")), "kind of layer")
    except SsmphonyError as error:
        raise ValueError(str(error)) from None
    return config.model_validate(settings)


Mixer = Annotated[SerializeAsAny[LayerConfig], of_width("d_model")]
"""A field of a config that holds the config of a layer: of any kind in `MIXERS`, by its kind alone or its settings."""
