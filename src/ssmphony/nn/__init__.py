"""Building blocks of models and codecs that are not state spaces: attention, convolution, residual blocks, stacks."""

from __future__ import annotations

from ssmphony.nn.attention import Attention, AttentionConfig, AttentionState
from ssmphony.nn.bidirectional import Bidirectional, BidirectionalConfig
from ssmphony.nn.block import BidirectionalBlock, Block, BlockState, FeedForward
from ssmphony.nn.conv import CausalConv, CausalConvConfig, ConvState
from ssmphony.nn.cross_attention import CrossAttention, sinusoids
from ssmphony.nn.encoder import Encoder, EncoderConfig
from ssmphony.nn.full_attention import FullAttention
from ssmphony.nn.layers import MIXERS, Mixer
from ssmphony.nn.learned_state import LearnedState
from ssmphony.nn.parameter_groups import parameter_groups
from ssmphony.nn.stack import Stack, StackConfig, StackState

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
    "Encoder",
    "EncoderConfig",
    "FeedForward",
    "FullAttention",
    "LearnedState",
    "Mixer",
    "Stack",
    "StackConfig",
    "StackState",
    "parameter_groups",
    "sinusoids",
]
