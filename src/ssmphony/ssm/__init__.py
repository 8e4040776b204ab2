"""State-space models in PyTorch: the maths, which knows nothing of speech."""

from __future__ import annotations

from ssmphony.ssm.attention import Attention, AttentionConfig, AttentionState
from ssmphony.ssm.bidirectional import Bidirectional, BidirectionalConfig, BothWays
from ssmphony.ssm.block import BidirectionalBlock, Block, BlockState, FeedForward
from ssmphony.ssm.causal_conv import CausalConv, CausalConvConfig, ConvState
from ssmphony.ssm.cross_attention import CrossAttention, sinusoids
from ssmphony.ssm.encoder import Encoder, EncoderConfig
from ssmphony.ssm.full_attention import FullAttention
from ssmphony.ssm.groups import parameter_groups
from ssmphony.ssm.learned_state import LearnedState
from ssmphony.ssm.mamba import Mamba, MambaConfig, MambaState
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config, Mamba2State
from ssmphony.ssm.mixer import S4Config, S4DConfig, StateSpaceMixer, StateSpaceState
from ssmphony.ssm.mixers import MIXERS, Mixer
from ssmphony.ssm.stack import Stack, StackConfig, StackState

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
    "BothWays",
    "CausalConv",
    "CausalConvConfig",
    "ConvState",
    "CrossAttention",
    "Encoder",
    "EncoderConfig",
    "FeedForward",
    "FullAttention",
    "LearnedState",
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
    "parameter_groups",
    "sinusoids",
]
