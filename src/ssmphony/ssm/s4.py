"""S4, the diagonal-plus-low-rank state-space kernel (Gu et al. 2022, arXiv 2111.00396), bilinear, real arithmetic.

One of each conjugate pair is stored, as real pairs. In the real coordinates ``x = [Re, Im]`` the matrix
``A = diag(lam) - P P^H`` becomes ``R - 2 p p^T`` with ``R`` made of 2x2 rotations and ``p = [Re P, Im P]``: real,
symmetric rank one, and ``A + A^T <= 0``, so the bilinear step never grows and its powers are safe.

The kernel ``C Abar^l Bbar`` is a compiled recurrence, or built from doubled Krylov blocks. Unlike the truncated
generating function neither has a pole at Omega = -1, needs a truncated C, or depends on the length.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ssmphony.ssm.dense import DenseSystem, rotation_matrix
from ssmphony.ssm.hippo import dplr_legs
from ssmphony.ssm.kernel import BlockMatrices, StateSpaceKernel, sample_log_dt
from ssmphony.ssm.scan import compiled, linear
from ssmphony.ssm.scan.linear import LinearSystem


class S4Kernel(StateSpaceKernel):
    """HiPPO-LegS initialised DPLR system; ``n_ssm`` systems shared by the channels, or one each (None)."""

    ssm_parameters = ("log_dt", "log_neg_real", "imag", "p", "b")

    def __init__(self, d_model: int, d_state: int, n_ssm: int | None = None) -> None:
        super().__init__(d_model, d_state)
        systems = d_model if n_ssm is None else n_ssm
        if systems < 1 or d_model % systems:
            raise ValueError(f"n_ssm must divide d_model: {d_model} channels, n_ssm {systems}")
        lam, p, b = dplr_legs(d_state)
        self.log_dt = nn.Parameter(sample_log_dt(d_model))
        self.log_neg_real = nn.Parameter(_copies(np.log(-lam.real), systems))
        self.imag = nn.Parameter(_copies(lam.imag, systems))
        self.p = nn.Parameter(_copies(np.stack([p.real, p.imag], -1), systems))
        self.b = nn.Parameter(_copies(np.stack([b.real, b.imag], -1), systems))
        self.c = nn.Parameter(torch.randn(d_model, d_state // 2, 2) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(d_model))

    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length)."""
        if compiled((self.log_dt,)):
            return linear.impulse_response(self._linear(), length)
        return self._dense().kernel(length)

    def block(self, length: int) -> BlockMatrices:
        """The matrices of ``length`` steps."""
        return self._dense().block(length)

    def scan(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor] | None:
        return linear.run(u, self._linear(), state) if compiled((self.log_dt,)) else None

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        dt = self.log_dt.exp().unsqueeze(-1)
        re, im = (part.unsqueeze(1) for part in self._diagonal_inverse(dt))
        p, b = (self._spread(pair.transpose(1, 2).flatten(1)).unsqueeze(1) for pair in (self.p, self.b))
        dt = dt.unsqueeze(1)
        # x' = (I - dt/2 A)^-1 ((I + dt/2 A) x + dt B u) = 2 (I - dt/2 A)^-1 (x + dt/2 B u) - x
        middle = state + 0.5 * dt * b * u.unsqueeze(-1)
        rotated, dp = _rotate(re, im, middle), _rotate(re, im, p)
        gain = dt / (1.0 + dt * (p * dp).sum(-1, keepdim=True))
        state = 2.0 * (rotated - gain * dp * (p * rotated).sum(-1, keepdim=True)) - state
        return torch.bmm(state, self._output().unsqueeze(-1)).squeeze(-1) + self.skip.unsqueeze(-1) * u, state

    def leap(self, state: Tensor, steps: int) -> Tensor:
        return self._dense().leap(state, steps)

    def _linear(self) -> LinearSystem:
        """In float64: ``Abar - I = 2 (D - I) - 2 gain dp pd^T`` with the rotations D."""
        dt = self.log_dt.double().exp().unsqueeze(-1)
        inverse_re, inverse_im = self._diagonal_inverse(dt)
        p, b = (self._spread(pair.double().transpose(1, 2).flatten(1)) for pair in (self.p, self.b))
        dp, pd = _rotate(inverse_re, inverse_im, p), _rotate(inverse_re, -inverse_im, p)
        gain = dt / (1.0 + dt * (p * dp).sum(-1, keepdim=True))
        bbar = dt * (_rotate(inverse_re, inverse_im, b) - gain * dp * (pd * b).sum(-1, keepdim=True))
        w = torch.cat([2.0 * (inverse_re - 1.0), 2.0 * inverse_im], dim=-1)
        q, r = (-2.0 * gain * dp).unsqueeze(1), pd.unsqueeze(1)
        return LinearSystem(w, q, r, bbar, self._output().double(), self.skip.double())

    def _dense(self) -> DenseSystem:
        return DenseSystem(*self._discrete(), self.skip)

    def _output(self) -> Tensor:
        """C in real coordinates, twice the real part included, (channel, N)."""
        return 2.0 * torch.cat([self.c[..., 0], -self.c[..., 1]], -1)

    def _discrete(self) -> tuple[Tensor, Tensor, Tensor]:
        """Abar (channel, N, N), Bbar (channel, N), C (channel, N), in real coordinates.

        ``Abar = 2 M - I`` and ``Bbar = dt M B`` with ``M = (I - dt/2 A)^-1``, by Woodbury from the rotations.
        """
        dt = self.log_dt.exp().unsqueeze(-1)
        inverse_re, inverse_im = self._diagonal_inverse(dt)
        p, b = (self._spread(pair.transpose(1, 2).flatten(1)) for pair in (self.p, self.b))
        dp, pd = _rotate(inverse_re, inverse_im, p), _rotate(inverse_re, -inverse_im, p)
        gain = dt / (1.0 + dt * (p * dp).sum(-1, keepdim=True))
        m = rotation_matrix(inverse_re, inverse_im) - (gain * dp).unsqueeze(-1) * pd.unsqueeze(-2)
        bbar = dt * (_rotate(inverse_re, inverse_im, b) - gain * dp * (pd * b).sum(-1, keepdim=True))
        return 2.0 * m - torch.eye(self.d_state, dtype=m.dtype, device=m.device), bbar, self._output()

    def _diagonal_inverse(self, dt: Tensor) -> tuple[Tensor, Tensor]:
        """``1 / (1 - dt/2 lam)`` as real pairs, (channel, N / 2) each."""
        re = 1.0 + 0.5 * dt * self._spread(self.log_neg_real.to(dt.dtype).exp())
        im = -0.5 * dt * self._spread(self.imag)
        size = re.square() + im.square()
        return re / size, -im / size

    def _spread(self, system: Tensor) -> Tensor:
        """(systems, N) → (channel, N): neighbouring channels share a system."""
        return system.repeat_interleave(self.d_model // system.shape[0], dim=0)


def _rotate(re: Tensor, im: Tensor, x: Tensor) -> Tensor:
    """Complex product of (re + i im) with a vector in real coordinates (…, N)."""
    x_re, x_im = x.chunk(2, dim=-1)
    return torch.cat([re * x_re - im * x_im, im * x_re + re * x_im], dim=-1)


def _copies(values: np.ndarray, count: int) -> Tensor:
    row = torch.tensor(values, dtype=torch.get_default_dtype())
    return row.expand(count, *row.shape).clone()
