"""The scans in PyTorch operations: any device and precision, differentiable twice, no loop over single steps.

Both cut time into chunks. Within the chunks all of them advance side by side, and only the states between chunks are
carried one after the other: about 2 sqrt(length) small operations instead of ``length``.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm.convolution import full_precision

#: Steps of a chunk of `ssd`: its products of chunks cost more when longer, its carries when shorter.
SSD_STEPS = 64


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Shapes as `ssmphony.ssm.scan.selective_scan`; computes in the widest of the dtypes, complex ones included."""
    if _exports_any_length(u) and not A.is_complex():
        return selective_scan_of_any_length(u, delta, A, B, C, D, state, reset)
    with full_precision(u):
        dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in (u, delta, A, B, C, D, state)))
        steps, first = delta.to(dtype), state.to(dtype)
        decay = torch.exp(steps.unsqueeze(-1) * A)
        if reset is not None:
            decay = decay.masked_fill(reset[..., None, None], 0.0)
            first = _cleared(first, reset)
        states = linear_recurrence(decay, (steps * u).unsqueeze(-1) * B.unsqueeze(2), first)
        y = (states @ C.to(dtype).unsqueeze(-1)).squeeze(-1)
        y = (2.0 * y.real if y.is_complex() else y) + D * u
        return y.to(u.dtype), _last(states, state.to(dtype) if dtype.is_complex else state)


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Shapes as `ssmphony.ssm.scan.ssd`. Within a chunk ``y = ((C B^T) * L) (dt x)``, a masked product."""
    length, heads = x.shape[1:3]
    if _exports_any_length(x):
        return ssd_of_any_length(x, dt, A, B, C, D, state, reset)
    if length == 0:
        return torch.zeros_like(x), state.clone()
    with full_precision(x):
        steps = length if torch.compiler.is_exporting() else min(SSD_STEPS, length)
        dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in (x, dt, A, B, C, D, state)))
        log_decay, first = dt.to(dtype) * A, state.to(dtype)
        if reset is not None:
            log_decay = log_decay.masked_fill(reset.unsqueeze(-1), -torch.inf)
            first = _cleared(first, reset)
        drive = chunks(dt.to(dtype).unsqueeze(-1) * x, steps).permute(0, 1, 3, 2, 4)
        Bc, Cc = (chunks(part.to(dtype), steps).permute(0, 1, 3, 2, 4) for part in (B, C))
        log_decay = chunks(log_decay, steps).transpose(2, 3)

        y, added, Ch = _within_chunks(drive, Bc, Cc, log_decay, heads)
        total = log_decay.cumsum(-1)
        states = linear_recurrence(torch.exp(total[..., -1])[..., None, None], added, first)
        before = torch.cat([first.unsqueeze(1), states[:, :-1]], dim=1)
        y = y + (Ch @ before.transpose(-1, -2)) * torch.exp(total).unsqueeze(-1)
        y = y.transpose(2, 3).flatten(1, 2)[:, :length] + D.unsqueeze(-1) * x
        return y.to(x.dtype), _last(states, state)


def _exports_any_length(x: Tensor) -> bool:
    """Whether this is the trace of a graph that takes sequences of any length."""
    return torch.compiler.is_exporting() and isinstance(x.shape[1], torch.SymInt)


def _within_chunks(drive: Tensor, B: Tensor, C: Tensor, log_decay: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Chunks that begin with a state of zero: their outputs, what they add to the state, and C of each head.

    drive (batch, chunk, head, step, p), B, C (batch, chunk, group, step, n), log_decay (batch, chunk, head, step).
    """
    # (batch, chunk, head, step, step): what is left at the first step index of what came at the second.
    left = torch.exp(segment_sums(log_decay))
    share = heads // B.shape[2]
    scores = (C @ B.transpose(-1, -2)).repeat_interleave(share, dim=2)
    Bh, Ch = (part.repeat_interleave(share, dim=2) for part in (B, C))
    added = (drive * left[..., -1, :].unsqueeze(-1)).transpose(-1, -2) @ Bh
    return (scores * left) @ drive, added, Ch


def ssd_of_any_length(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`ssd` for exported graphs, in which the number of chunks is not known: no loop, a product carries states between
    them, which is as cheap while there are fewer chunks than steps in one."""
    if reset is not None:
        raise ValueError("ssd: an exported graph takes no resets")
    length, heads = x.shape[1:3]
    xc, steps, Bc, Cc = _chunks_of_any_length((x, dt, B, C))
    drive = (steps.unsqueeze(-1) * xc).transpose(2, 3)
    Bc, Cc = (part.transpose(2, 3) for part in (Bc, Cc))
    log_decay = (steps * A).transpose(2, 3)
    y, added, Ch = _within_chunks(drive, Bc, Cc, log_decay, heads)
    total = log_decay.cumsum(-1)
    parts = torch.cat([state.unsqueeze(1), added], dim=1).transpose(1, 2)
    states = (_left_of_chunks(total[..., -1].transpose(1, 2)) @ parts.flatten(3)).transpose(1, 2)
    states = states.unflatten(3, tuple(state.shape[2:]))
    y = y + (Ch @ states[:, :-1].transpose(-1, -2)) * torch.exp(total).unsqueeze(-1)
    y = y.transpose(2, 3).flatten(1, 2)[:, :length] + D.unsqueeze(-1) * x
    return y, states[:, -1]


def selective_scan_of_any_length(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`selective_scan` for exported graphs; see `ssd_of_any_length`. Within a chunk by doubling (Hillis and Steele
    1986), so that a graph has few nodes."""
    if reset is not None:
        raise ValueError("selective_scan: an exported graph takes no resets")
    length = u.shape[1]
    uc, steps, Bc, Cc = _chunks_of_any_length((u, delta, B, C))
    log_decay = steps.unsqueeze(-1) * A
    decay, local = torch.exp(log_decay), (steps * uc).unsqueeze(-1) * Bc.unsqueeze(3)
    shift = 1
    while shift < SSD_STEPS:
        earlier = F.pad(local[:, :, :-shift], (0, 0, 0, 0, shift, 0))
        local = torch.addcmul(local, decay, earlier)
        decay = decay * F.pad(decay[:, :, :-shift], (0, 0, 0, 0, shift, 0), value=1.0)
        shift *= 2
    left = _left_of_chunks(log_decay.sum(dim=2).permute(0, 2, 3, 1))
    parts = torch.cat([state.unsqueeze(1), local[:, :, -1]], dim=1).permute(0, 2, 3, 1).unsqueeze(-1)
    before = (left @ parts).squeeze(-1).permute(0, 3, 1, 2)
    states = decay * before[:, :-1].unsqueeze(2) + local
    y = (states @ Cc.unsqueeze(-1)).squeeze(-1).flatten(1, 2)[:, :length]
    return y + D * u, before[:, -1]


def _chunks_of_any_length(parts: tuple[Tensor, Tensor, Tensor, Tensor]) -> list[Tensor]:
    """(batch, time, …) → (batch, chunk, SSD_STEPS, …). The second part, the step sizes, is 0 after the end: there
    nothing decays and nothing is added."""
    length = parts[0].shape[1]
    count = (length + SSD_STEPS - 1) // SSD_STEPS
    place = torch.arange(count * SSD_STEPS, device=parts[0].device)
    real = place < length
    index = torch.where(real, place, 0)
    chunked = [part.index_select(1, index).unflatten(1, (count, SSD_STEPS)) for part in parts]
    chunked[1] = chunked[1] * real.view(count, SSD_STEPS, 1)
    return chunked


def _left_of_chunks(log_decay: Tensor) -> Tensor:
    """(…, chunk) → (…, chunk + 1, chunk + 1): before chunk i, or at the end, what is left of what chunk j - 1 added; of
    the first state, where j is 0."""
    return torch.exp(segment_sums(F.pad(log_decay, (1, 0))))


def linear_recurrence(a: Tensor, b: Tensor, first: Tensor) -> Tensor:
    """All ``h[t] = a[t] h[t-1] + b[t]`` with ``h[-1] = first``: a, b (batch, time, …), first (batch, …) → as b.

    All chunks run at once from zero, which tells what each does to the state; then the states between them, one after
    the other; then all at once again from these. No division: a decay of zero is as good as any.
    """
    length = b.shape[1]
    if length <= 1:
        return a * first.unsqueeze(1) + b
    # About the square root, a power of two: lengths that are one too need no padding.
    steps = 1 << length.bit_length() // 2
    # unbind, whose gradient is one stack; indexing would make a zero tensor of the whole length for each step.
    a_steps, b_steps = chunks(a, steps, 1.0).unbind(2), chunks(b, steps).unbind(2)
    decay, local = a_steps[0], b_steps[0]
    for a_step, b_step in zip(a_steps[1:], b_steps[1:], strict=True):
        decay, local = a_step * decay, torch.addcmul(b_step, a_step, local)
    before = [first]
    for a_chunk, b_chunk in zip(decay.unbind(1)[:-1], local.unbind(1)[:-1], strict=True):
        before.append(torch.addcmul(b_chunk, a_chunk, before[-1]))
    state, states = torch.stack(before, 1), list[Tensor]()
    for a_step, b_step in zip(a_steps, b_steps, strict=True):
        state = torch.addcmul(b_step, a_step, state)
        states.append(state)
    return torch.stack(states, 2).flatten(1, 2)[:, :length]


def segment_sums(x: Tensor) -> Tensor:
    """(…, T) → (…, T, T): the sum of ``x[j + 1 … i]`` at ``[i, j]``, minus infinity above the diagonal.

    Summed from j on, not as a difference of two sums from zero: exact also after a large x, and for x = -inf.
    """
    steps = x.shape[-1]
    ones = torch.ones(steps, steps, dtype=torch.bool, device=x.device)
    sums = x.unsqueeze(-1).expand(*x.shape, steps).masked_fill(~ones.tril(-1), 0.0).cumsum(-2)
    return sums.masked_fill(~ones.tril(), -torch.inf)


def chunks(x: Tensor, steps: int, padding: float = 0.0) -> Tensor:
    """(batch, time, …) → (batch, chunk, steps, …), the last chunk padded."""
    if steps == x.shape[1]:
        return x.unsqueeze(1)
    count = -(-x.shape[1] // steps)
    missing = count * steps - x.shape[1]
    if missing:
        x = F.pad(x, (0, 0) * (x.dim() - 2) + (0, missing), value=padding)
    return x.reshape(x.shape[0], count, steps, *x.shape[2:])


def _cleared(state: Tensor, reset: Tensor) -> Tensor:
    """The state without the rows whose first step clears it, whatever it held."""
    first = reset[:, :1].any(1)
    return torch.where(first.reshape(-1, *(1,) * (state.dim() - 1)), 0.0, state)


def _last(states: Tensor, state: Tensor) -> Tensor:
    if not states.shape[1]:
        return state.clone()
    # an exported graph would copy what it selects, a step's state too
    return (states.squeeze(1) if states.shape[1] == 1 else states[:, -1]).to(state.dtype)
