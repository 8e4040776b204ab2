"""Building blocks of models and codecs that are not state spaces: attention, convolution, residual blocks, stacks.

Modules, and what uses them:

* `layers`: the registry of sequence layers; `stack`, `bidirectional`, and the configs of `models.lewm`, `codecs.lewm`.
* `block`, `stack`: residual blocks and causal stacks; the decoder of `models.s4_acoustic`, `models.s4_spectrum`.
* `pooled_stack`: stacks at several rates, the backbone of SaShiMi; `models.sashimi`.
* `bidirectional`, `encoder`: whole sequences in both directions; text encoders of all models, the audio encoder of
  `codecs.lewm`, `alignment.recogniser`.
* `attention`, `full_attention`: layers with a cache and over whole sequences; `layers`, and so `models.lewm`.
* `cross_attention`: attention to a text; `models.lewm`.
* `conv`: convolutions that stream; `codecs.mel_vocoder`, `codecs.lewm`, `codecs.spectrum`, `stack`.
* `convnext`: `codecs.mel_vocoder`, `codecs.spectrum`, `models.s4_spectrum`.
* `flow`: affine couplings over whole sequences; `models.smamba`.
* `fsq`: codes of rounded numbers; `codecs.fsq`.
* `posterior`: Gaussian latents; `codecs.latent`, `codecs.s4d_autoencoder`.
* `gather`: choosing steps by index; `codecs.lewm`, `training.discriminators`.
* `low_rank`: LoRA; `training.adapters`, `export.weights`.
* `weights`: loading weights, all or none; `export.voice`, `training`, `codecs.vocos`.
* `parameter_groups`: what trains slowly and what does not decay; `training`.
* `learned_state`: a first state that is trained; `training.adapters`, `export.offset`, stacks with
  ``learned_state: true``. No shipped config sets it.
* `decode`: single steps of a stack as one compiled call; `models.sashimi`, `benchmarks.ssm.step`. For autoregressive
  models in PyTorch: exported voices run on ONNX Runtime and do not need it.
"""

from __future__ import annotations

from ssmphony.nn.attention import Attention, AttentionConfig, AttentionState
from ssmphony.nn.bidirectional import Bidirectional, BidirectionalConfig
from ssmphony.nn.block import BidirectionalBlock, Block, BlockState, FeedForward
from ssmphony.nn.conv import CausalConv, CausalConvConfig, ConvState
from ssmphony.nn.convnext import ConvNeXtState
from ssmphony.nn.cross_attention import CrossAttention, sinusoids
from ssmphony.nn.encoder import Encoder, EncoderConfig
from ssmphony.nn.full_attention import FullAttention
from ssmphony.nn.layers import MIXERS, Mixer
from ssmphony.nn.learned_state import LearnedState
from ssmphony.nn.parameter_groups import parameter_groups
from ssmphony.nn.stack import Stack, StackConfig, StackState
from ssmphony.ssm.serialisation import loadable

loadable(AttentionState, BlockState, ConvNeXtState, ConvState, StackState)

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
