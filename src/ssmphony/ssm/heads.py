"""What the configs of layers have in common whose inner channels form heads (Mamba-2, Mamba-3)."""

from __future__ import annotations

from pydantic import model_validator

from ssmphony.config import LayerConfig


class HeadsConfig(LayerConfig):
    """``expand * d_model`` inner channels in heads of ``head_dim``, whose maps are shared in ``n_groups``."""

    expand: int
    head_dim: int
    n_groups: int

    @model_validator(mode="after")
    def _heads_fit(self) -> HeadsConfig:
        if self.d_inner % self.head_dim:
            raise ValueError(f"head_dim {self.head_dim} must divide expand * d_model = {self.d_inner}")
        if self.n_heads % self.n_groups:
            raise ValueError(f"n_groups {self.n_groups} must divide the {self.n_heads} heads")
        return self

    @property
    def d_inner(self) -> int:
        return self.expand * self.d_model

    @property
    def n_heads(self) -> int:
        return self.d_inner // self.head_dim
