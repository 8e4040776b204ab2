"""The gated delta rule in PyTorch operations: any device and precision, differentiable, in chunks of steps.

Within a chunk every step erases what the steps before it have written, which is a triangular system of the size of
the chunk (Yang et al. 2024, arXiv 2406.06484 and 2412.06464); only the states between chunks follow each other.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmphony.ssm.masking import hide
from ssmphony.ssm.reset import since_reset
from ssmphony.ssm.scan.reference import chunks, segment_sums

#: Steps of a chunk.
STEPS = 64


def gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Shapes as `ssmphony.ssm.scan.gated_delta_rule`; computes in the dtype of the inputs."""
    length = q.shape[1]
    if length == 0:
        return torch.zeros_like(v), state.clone()
    finite = (k.isfinite().all(-1) & v.isfinite().all(-1)) & (log_decay.isfinite() & beta.isfinite())
    lost = _lost(finite, reset)
    k, v, log_decay, beta = (hide(part, finite) for part in (k, v, log_decay.unsqueeze(-1), beta.unsqueeze(-1)))
    log_decay, beta = log_decay.squeeze(-1), beta.squeeze(-1)
    if reset is not None:
        log_decay = log_decay.masked_fill(reset.unsqueeze(-1), -torch.inf)
    steps = length if torch.compiler.is_exporting() else min(STEPS, length)
    # (batch, chunk, head, step, …)
    q, k, v = (chunks(part, steps).transpose(2, 3) for part in (q, k, v))
    log_decay, beta = (chunks(part, steps).transpose(2, 3) for part in (log_decay, beta))
    left = torch.exp(segment_sums(log_decay))  # of what came at the second step, at the first
    since = torch.exp(log_decay.cumsum(-1)).unsqueeze(-1)  # of the state before the chunk
    weighted = k * beta.unsqueeze(-1)
    system = torch.eye(steps, dtype=k.dtype, device=k.device) + ((weighted @ k.transpose(-1, -2)) * left).tril(-1)
    right = torch.cat([v * beta.unsqueeze(-1), weighted * since], dim=-1)
    if steps > 1:  # of one step the system is 1, and ONNX has no triangular solver
        right = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    written, unlearned = right.split([v.shape[-1], k.shape[-1]], dim=-1)
    scores = (q @ k.transpose(-1, -2)) * left
    queries, keys = q * since, k * left[..., -1, :].unsqueeze(-1)
    outputs: list[Tensor] = []
    state = state.transpose(-1, -2)
    for index in range(q.shape[1]):
        new = written[:, index] - unlearned[:, index] @ state
        outputs.append(queries[:, index] @ state + scores[:, index] @ new)
        state = since[:, index, :, -1:] * state + keys[:, index].transpose(-1, -2) @ new
    y = torch.stack(outputs, dim=1).transpose(2, 3).flatten(1, 2)[:, :length]
    last = state.transpose(-1, -2).masked_fill(lost[:, -1, :, None, None], torch.nan)
    return y.masked_fill(lost.unsqueeze(-1), torch.nan), last


def _lost(finite: Tensor, reset: Tensor | None) -> Tensor:
    """Steps (batch, time, head) after one that was no number: in a product it would also reach those before it."""
    added = (~finite).long()
    total = added.cumsum(1)
    return (total if reset is None else since_reset(total, added, torch.zeros_like(total[:, :1]), reset)) > 0
