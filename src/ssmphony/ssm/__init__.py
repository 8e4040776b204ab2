"""State-space models in PyTorch: the maths, which knows nothing of speech.

Modules, and what uses them:

* `s4_layer`: S4 and S4D as causal layers; the decoder of `models.s4_acoustic` and all models by `nn.layers`.
* `two_sided`: S4 and S4D in both directions; the text encoder of `models.s4_acoustic`, `alignment.recogniser`.
* `mamba`, `mamba2`, `mamba3`, `gated_delta`: causal layers whose dynamics depend on the input; `models.lewm` and all
  models by `nn.layers`.
* `heads`: what the configs of `mamba2` and `mamba3` have in common.
* `s4`, `s4d`: the kernels of both layers above; `export.fixed_block` reads the constants of S4D.
* `kernel`, `blocks`, `dense`, `hippo`: what both kernels share; block matrices and initialisations.
* `output`: the gated output of S4 layers.
* `convolution`, `spectra`: long convolutions and the spectra that they keep; `kernel`, `two_sided`.
* `short_conv`: the short convolution of Mamba; its memory is also that of `nn.attention`.
* `scan`: recurrences over time, compiled for CPUs and GPUs; all layers here, `nn.decode`.
* `masking`: masks of padding, and checks of what a layer is given; all layers.
* `serialisation`: states as files; here and in `nn`.
* `exportable`: softplus with the same bits in a batch as alone; `mamba`, `mamba2`, `models.lewm`.
* `reset`, `packed`: several sequences in one row. All layers take a ``reset``; no training task here passes one, it is
  for research code. `reset` also holds what layers do with their memories: `nn.block`, `nn.conv`, `nn.attention`.
* `pretrained`, `pretrained_s4`: read weights that others published; for research code, nothing here uses them.
"""

from __future__ import annotations

from ssmphony.ssm.gated_delta import GatedDeltaNet, GatedDeltaNetConfig, GatedDeltaNetState
from ssmphony.ssm.mamba import Mamba, MambaConfig, MambaState
from ssmphony.ssm.mamba2 import Mamba2, Mamba2Config, Mamba2State
from ssmphony.ssm.mamba3 import Mamba3, Mamba3Config, Mamba3State
from ssmphony.ssm.pretrained import load_mamba, load_mamba2
from ssmphony.ssm.pretrained_s4 import load_s4, load_s4d
from ssmphony.ssm.reset import starts
from ssmphony.ssm.s4_layer import S4Config, S4DConfig, StateSpaceMixer, StateSpaceState
from ssmphony.ssm.serialisation import loadable
from ssmphony.ssm.two_sided import TwoSidedStateSpace

loadable(GatedDeltaNetState, MambaState, Mamba2State, Mamba3State, StateSpaceState)

__all__ = [
    "GatedDeltaNet",
    "GatedDeltaNetConfig",
    "GatedDeltaNetState",
    "Mamba",
    "Mamba2",
    "Mamba2Config",
    "Mamba2State",
    "Mamba3",
    "Mamba3Config",
    "Mamba3State",
    "MambaConfig",
    "MambaState",
    "S4Config",
    "S4DConfig",
    "StateSpaceMixer",
    "StateSpaceState",
    "TwoSidedStateSpace",
    "load_mamba",
    "load_mamba2",
    "load_s4",
    "load_s4d",
    "starts",
]
