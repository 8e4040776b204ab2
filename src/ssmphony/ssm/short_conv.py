"""The short causal convolution before a selective scan, and what a layer remembers of its last inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmphony.ssm.masking import hide
from ssmphony.ssm.reset import forget, taps


class ShortConv(nn.Module):
    """Depthwise, causal: ``y[t] = bias + sum_j weight[:, j] x[t - (taps - 1) + j]``."""

    def __init__(self, channels: int, taps: int, bias: bool = True) -> None:
        super().__init__()
        if taps < 1:
            raise ValueError(f"a convolution needs at least one tap, got d_conv {taps}")
        bound = taps**-0.5
        self.weight = nn.Parameter(torch.empty(channels, taps).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(channels).uniform_(-bound, bound)) if bias else None

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, taps - 1, channel), float32 at least: the inputs before the beginning."""
        channels, taps = self.weight.shape
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        return torch.zeros(batch, taps - 1, channels, dtype=dtype, device=self.weight.device)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (batch, time, channel), context (batch, taps - 1, channel) → the same shapes, float32 at least."""
        time, dtype = x.shape[1], torch.promote_types(context.dtype, torch.float32)
        joined = torch.cat([context.to(dtype), hide(x, mask).to(dtype)], dim=1)
        inputs = taps(joined, time, reset)
        first, *others = self.weight.to(dtype).unbind(1)
        y = inputs[0] * first
        y = y if self.bias is None else y + self.bias.to(dtype)
        for tap, weight in zip(inputs[1:], others, strict=True):
            y = torch.addcmul(y, tap, weight)
        return y, last_steps(forget(joined, reset), mask)


def last_steps(joined: Tensor, mask: Tensor) -> Tensor:
    """What to remember of ``joined`` = old memory (batch, m, …) and a block (batch, time, …): (batch, m, …).

    The m steps up to the last real one of each row: padding after it does not enter, so a row can be continued.
    """
    time = mask.shape[1]
    if time == 1:  # a cache of attention is long, and gathering it costs more than the attention
        real, before, after = mask.reshape(-1, *[1] * (joined.ndim - 1)), joined[:, :-1], joined[:, 1:]
        if joined.dtype == torch.bool:  # ONNX Runtime chooses between numbers alone
            return (after & real) | (before & ~real)
        return torch.where(real, after, before)
    memory = joined.shape[1] - time
    ends = torch.arange(1, time + 1, device=mask.device)
    end = (ends * mask).amax(dim=1, keepdim=True)
    index = end + torch.arange(memory, device=mask.device)
    index = index.reshape(*index.shape, *[1] * (joined.ndim - 2)).expand(-1, -1, *joined.shape[2:])
    return joined.gather(1, index)
