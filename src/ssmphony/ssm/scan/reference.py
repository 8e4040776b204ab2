"""The scans in plain PyTorch: stable for any step size, differentiable any number of times, no loop over all steps."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional as F

#: Steps of a block of `ssd`: longer costs more in the products of steps with steps, shorter more in the carry.
SSD_STEPS = 64


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    state: Tensor,
    reset: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t]``, ``y[t] = C[t] h[t] + D u[t]`` (Gu & Dao 2023, Mamba).

    u, delta (batch, time, channel) with delta ≥ 0, A (channel, n) negative, B, C (batch, time, n), D (channel,),
    state (batch, channel, n); reset (batch, time) bool clears the state before that step.
    Returns y (batch, time, channel) and the last state.

    About sqrt(time) blocks of sqrt(time) steps: all blocks advance together from zero, then their first states are
    carried along, then they advance again from those. Only products of decays, never quotients: nothing overflows.
    """
    time = u.shape[1]
    steps = math.isqrt(time - 1) + 1
    count = -(-time // steps)

    def blocks(values: Tensor) -> tuple[Tensor, ...]:
        """(batch, time, …) → for each step of a block (batch, count, …); steps behind the end change no state."""
        padded = F.pad(values, (0, 0, 0, count * steps - time))
        return padded.unflatten(1, (count, steps)).unbind(2)

    decays = [torch.exp(step.unsqueeze(-1) * A) for step in blocks(delta)]
    if reset is not None:
        clears = blocks(reset.unsqueeze(-1))
        decays = [a.masked_fill(clear.unsqueeze(-1), 0.0) for a, clear in zip(decays, clears, strict=True)]
    inputs = [du.unsqueeze(-1) * b.unsqueeze(2) for du, b in zip(blocks(delta * u), blocks(B), strict=True)]
    end = inputs[0]
    for a, b in zip(decays[1:], inputs[1:], strict=True):
        end = a * end + b
    first = [state]
    for a, b in zip(functools.reduce(torch.mul, decays).unbind(1), end.unbind(1), strict=True):
        first.append(a * first[-1] + b)
    h = torch.stack(first[:-1], dim=1)
    outputs: list[Tensor] = []
    for a, b, c in zip(decays, inputs, blocks(C), strict=True):
        h = a * h + b
        outputs.append((h @ c.unsqueeze(-1)).squeeze(-1))
    return torch.stack(outputs, dim=2).flatten(1, 2)[:, :time] + D * u, first[-1]


def ssd(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    state: Tensor,
    reset: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``h[t] = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]^T``, ``y[t] = h[t] C[t] + D x[t]`` (Dao & Gu 2024, Mamba-2).

    x (batch, time, head, p), dt (batch, time, head) ≥ 0, A, D (head,) with A negative, B, C (batch, time, group, n),
    neighbouring heads share a group, state (batch, head, p, n); reset (batch, time) bool clears the state before
    that step. Returns y like x and the last state. Blocks of steps as matrix products, states carried between them.
    """
    batch, time, heads, p = x.shape
    groups, n = B.shape[2:]
    steps = min(SSD_STEPS, time)
    count = -(-time // steps)

    def blocks(values: Tensor, *shape: int) -> Tensor:
        padding = [0, 0] * (values.ndim - 2) + [0, count * steps - time]
        return F.pad(values, padding).reshape(batch, count, steps, groups, *shape)

    share = heads // groups
    u = blocks(x * dt.unsqueeze(-1), share, p)
    log_decay = blocks(dt * A, share).permute(0, 1, 3, 4, 2)
    b, c = blocks(B, n), blocks(C, n)
    clears = torch.zeros(batch, time, dtype=torch.bool, device=x.device) if reset is None else reset
    clears = F.pad(clears, (0, count * steps - time)).reshape(batch, count, 1, 1, steps)
    between, since_start = _decays(log_decay, clears)
    scores = torch.einsum("bctgn,bcsgn->bcgts", c, b).unsqueeze(3) * between
    y = torch.einsum("bcghts,bcsghp->bctghp", scores, u)
    # Two factors a product: the search for an order of three would make the batch of an exported graph a constant.
    decayed = u * between[..., -1, :].permute(0, 1, 4, 2, 3).unsqueeze(-1)
    added = torch.einsum("bcsgn,bcsghp->bcghpn", b, decayed)
    first = [state.reshape(batch, groups, share, p, n)]
    for decay, new in zip(since_start[..., -1].unbind(1), added.unbind(1), strict=True):
        first.append(decay[..., None, None] * first[-1] + new)
    carried = torch.stack(first[:-1], dim=1)
    seen = torch.einsum("bctgn,bcghpn->bctghp", c, carried)
    y = y + seen * since_start.permute(0, 1, 4, 2, 3).unsqueeze(-1)
    y = y.reshape(batch, count * steps, heads, p)[:, :time]
    return y + D.unsqueeze(-1) * x, first[-1].reshape(batch, heads, p, n)


def _decays(log_decay: Tensor, clears: Tensor) -> tuple[Tensor, Tensor]:
    """Decay from step s to step t (…, t, s), zero for s > t, and from before the block to step t (…, t).

    The sums over s < r ≤ t are taken of masked copies: a difference of two long sums would cancel.
    """
    steps = log_decay.shape[-1]
    later = torch.ones(steps, steps, dtype=torch.bool, device=log_decay.device).tril(-1)
    sums = log_decay.unsqueeze(-1).expand(*log_decay.shape, steps).masked_fill(~later, 0.0).cumsum(-2)
    cleared = clears.to(log_decay.dtype).cumsum(-1)
    apart = ~(later | torch.eye(steps, dtype=torch.bool, device=later.device))
    apart = apart | (cleared.unsqueeze(-1) != cleared.unsqueeze(-2))
    between = sums.masked_fill(apart, -torch.inf).exp()
    return between, log_decay.cumsum(-1).masked_fill(cleared > 0, -torch.inf).exp()
