"""State-space models in PyTorch: the maths, which knows nothing of speech."""

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
