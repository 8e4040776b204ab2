"""Streaming mixers by the name a config file gives them: a new one is added here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ssmphony.config import Config
from ssmphony.nn.attention import AttentionConfig
from ssmphony.nn.conv import CausalConvConfig
from ssmphony.ssm.mamba import MambaConfig
from ssmphony.ssm.mamba2 import Mamba2Config
from ssmphony.ssm.s4_layer import S4Config, S4DConfig

MIXERS: dict[str, type[Config]] = {
    "s4": S4Config,
    "s4d": S4DConfig,
    "mamba": MambaConfig,
    "mamba2": Mamba2Config,
    "attention": AttentionConfig,
    "causal_conv": CausalConvConfig,
}

Mixer = Annotated[
    S4Config | S4DConfig | MambaConfig | Mamba2Config | AttentionConfig | CausalConvConfig, Field(discriminator="kind")
]
