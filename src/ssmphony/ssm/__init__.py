"""State-space models in PyTorch: the maths, which knows nothing of speech."""

from __future__ import annotations

from ssmphony.config import Config
from ssmphony.ssm.attention import Attention, AttentionConfig, AttentionState
from ssmphony.ssm.bidirectional import Bidirectional, BidirectionalConfig
from ssmphony.ssm.block import BidirectionalBlock, Block, BlockState, FeedForward
from ssmphony.ssm.causal_conv import CausalConv, CausalConvConfig, ConvState
from ssmphony.ssm.cross_attention import CrossAttention, sinusoids
from ssmphony.ssm.fixed import fixed
from ssmphony.ssm.groups import parameter_groups
from ssmphony.ssm.mamba import Mamba, MambaConfig, MambaState
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config, Mamba2State
from ssmphony.ssm.mixer import S4Config, S4DConfig, StateSpaceMixer, StateSpaceState
from ssmphony.ssm.stack import Mixer, Stack, StackConfig, StackState
from ssmphony.ssm.two_way import FullAttention, TwoWay, two_way

#: Streaming mixers by the name a config file gives them.
MIXERS: dict[str, type[Config]] = {
    "s4": S4Config,
    "s4d": S4DConfig,
    "mamba": MambaConfig,
    "mamba2": Mamba2Config,
    "attention": AttentionConfig,
    "causal_conv": CausalConvConfig,
}

__all__ = [
    "MIXERS",
    "Attention",
    "AttentionConfig",
    "AttentionState",
    "Bidirectional",
    "BidirectionalBlock",
    "BidirectionalConfig",
    "Block",
    "BlockState",
    "CausalConv",
    "CausalConvConfig",
    "ConvState",
    "CrossAttention",
    "FeedForward",
    "FullAttention",
    "Mamba",
    "Mamba2",
    "Mamba2Config",
    "Mamba2State",
    "MambaConfig",
    "MambaState",
    "Mixer",
    "S4Config",
    "S4DConfig",
    "Stack",
    "StackConfig",
    "StackState",
    "StateSpaceMixer",
    "StateSpaceState",
    "TwoWay",
    "fixed",
    "parameter_groups",
    "sinusoids",
    "two_way",
]
