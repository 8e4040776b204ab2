"""State-space models in PyTorch: the maths, which knows nothing of speech.

Modules, and what uses them:

* `s4_layer`: S4 and S4D as causal layers; the decoder of `models.s4_acoustic` and all models by `nn.layers`.
* `two_sided`: S4 and S4D in both directions; the text encoder of `models.s4_acoustic`, `alignment.recogniser`.
* `mamba`, `mamba2`: causal layers whose dynamics depend on the input; `models.lewm` and all models by `nn.layers`.
* `s4`, `s4d`: the kernels of both layers above; `export.fixed_block` reads the constants of S4D.
* `kernel`, `dense`, `hippo`: what both kernels share; block matrices and initialisations.
* `output`: the gated output of S4 layers.
* `convolution`, `spectra`: long convolutions and the spectra that they keep; `kernel`, `two_sided`.
* `short_conv`: the short convolution of Mamba; its memory is also that of `nn.attention`.
* `scan`: recurrences over time, compiled for CPUs and GPUs; `mamba`, `mamba2`, `s4`, `s4d`, `nn.decode`.
* `masking`: masks of padding; all layers.
* `exportable`: softplus with the same bits in a batch as alone; `mamba`, `mamba2`, `models.lewm`.
* `reset`, `packed`: several sequences in one row. All layers take a ``reset``; no training task here passes one, it is
  for research code. `reset` also holds what layers do with their memories: `nn.block`, `nn.conv`, `nn.attention`.
* `pretrained`, `pretrained_s4`: read weights that others published; for research code, nothing here uses them.
"""

from __future__ import annotations

from ssmphony.ssm.mamba import Mamba, MambaConfig, MambaState
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config, Mamba2State
from ssmphony.ssm.s4_layer import S4Config, S4DConfig, StateSpaceMixer, StateSpaceState
from ssmphony.ssm.two_sided import TwoSidedStateSpace

__all__ = [
    "Mamba",
    "Mamba2",
    "Mamba2Config",
    "Mamba2State",
    "MambaConfig",
    "MambaState",
    "S4Config",
    "S4DConfig",
    "StateSpaceMixer",
    "StateSpaceState",
    "TwoSidedStateSpace",
]
