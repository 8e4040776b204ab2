"""Functions written so that an exported graph computes a row of a batch to the same bits as the row alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

VECTOR = 16
"""Floats in the widest vector register."""


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), any shape.

    An exported graph fills the last axis up to whole vectors first: ONNX Runtime computes what is left over of a vector
    by another formula, so that a stream in a batch would differ from the stream alone in its last bits.
    """
    if not torch.onnx.is_in_onnx_export():
        return F.softplus(x)
    channels = x.shape[-1]
    return F.softplus(F.pad(x, (0, -channels % VECTOR)))[..., :channels]
