"""S4, the diagonal-plus-low-rank state-space kernel (Gu et al. 2022, arXiv 2111.00396), bilinear, real arithmetic.

One of each conjugate pair is stored, as real pairs. In the real coordinates ``x = [Re, Im]`` the matrix
``A = diag(lam) - P P^H`` becomes ``R - 2 p p^T`` with ``R`` made of 2x2 rotations and ``p = [Re P, Im P]``: real,
symmetric of low rank, and ``A + A^T <= 0``, so the bilinear step never grows and its powers are safe.

The kernel ``C Abar^l Bbar`` is a compiled recurrence, or built from doubled Krylov blocks. Unlike the truncated
generating function neither has a pole at Omega = -1, needs a truncated C, or depends on the length.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmphony.ssm.blocks import BlockMatrices
from ssmphony.ssm.dense import DenseSystem, rotation_matrix
from ssmphony.ssm.hippo import dplr
from ssmphony.ssm.kernel import StateSpaceKernel, parameter_dtype, sample_log_dt
from ssmphony.ssm.scan import linear
from ssmphony.ssm.scan.linear import LinearSystem

S4Init = Literal["legs", "legt", "fout", "random"]

#: The real parts of LegT and FouT are zero, of which there is no logarithm; the low-rank term is what makes them decay.
SMALLEST_DECAY = 1e-4


class Inverse(NamedTuple):
    """``(I - dt/2 A)^-1 = D - sum_k left[k] right[k]^T``: rotations D = re + i im, and what the low rank takes away.

    re, im: (channel, N / 2); left, right: one (channel, N) for each vector of the low-rank term.
    """

    re: Tensor
    im: Tensor
    left: tuple[Tensor, ...]
    right: tuple[Tensor, ...]


class S4Kernel(StateSpaceKernel):
    """DPLR system in a HiPPO or a random initialisation; ``n_ssm`` systems shared by the channels, or one each (None).

    ``p`` is (systems, N / 2, 2), or (systems, rank, N / 2, 2) where the rank is more than one (LegT).
    """

    def __init__(self, d_model: int, d_state: int, n_ssm: int | None = None, init: S4Init = "legs") -> None:
        super().__init__(d_model, d_state)
        systems = d_model if n_ssm is None else n_ssm
        if systems < 1 or d_model % systems:
            raise ValueError(f"n_ssm must divide d_model: {d_model} channels, n_ssm {systems}")
        log_neg_real, imag, p, b = _system(init, d_state, systems)
        self.log_dt = nn.Parameter(sample_log_dt(d_model))
        self.log_neg_real = nn.Parameter(log_neg_real)
        self.imag = nn.Parameter(imag)
        self.p = nn.Parameter(p)
        self.b = nn.Parameter(b)
        self.c = nn.Parameter(torch.randn(d_model, d_state // 2, 2, dtype=parameter_dtype()) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(d_model, dtype=parameter_dtype()))

    def slow_parameters(self) -> tuple[str, ...]:
        return ("log_dt", "log_neg_real", "imag", "p", "b")

    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length)."""
        if self._compiled():
            return linear.impulse_response(self.recurrence(), length)
        return self._dense().kernel(length)

    def block(self, length: int) -> BlockMatrices:
        """The matrices of ``length`` steps."""
        return self._dense().block(length)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        dt = self._wide(self.log_dt).exp().unsqueeze(-1)
        re, im, left, right = self._inverse(dt)
        vectors = (tuple(part.unsqueeze(1) for part in side) for side in (left, right))
        inverse = Inverse(re.unsqueeze(1), im.unsqueeze(1), *vectors)
        b = self._real_coordinates(self.b).unsqueeze(1)
        # x' = (I - dt/2 A)^-1 ((I + dt/2 A) x + dt B u) = 2 (I - dt/2 A)^-1 (x + dt/2 B u) - x
        middle = state + 0.5 * dt.unsqueeze(1) * b * u.unsqueeze(-1)
        state = 2.0 * _solve(inverse, middle) - state
        return torch.bmm(state, self._output().unsqueeze(-1)).squeeze(-1) + self._wide(self.skip).unsqueeze(
            -1
        ) * u, state

    def leap(self, state: Tensor, steps: int) -> Tensor:
        return self._dense().leap(state, steps)

    def recurrence(self) -> LinearSystem:
        """In float64: ``Abar - I = 2 (D - I) - 2 sum_k left[k] right[k]^T`` with the rotations D."""
        dt = self.log_dt.double().exp().unsqueeze(-1)
        inverse = self._inverse(dt)
        w = 2.0 * torch.cat([inverse.re - 1.0, inverse.im], dim=-1)
        q, r = -2.0 * torch.stack(inverse.left, dim=1), torch.stack(inverse.right, dim=1)
        bbar = dt * _solve(inverse, self._real_coordinates(self.b))
        return LinearSystem(w, q, r, bbar, self._output().double(), self.skip.double())

    def _dense(self) -> DenseSystem:
        return DenseSystem(*self._discrete(), self._wide(self.skip))

    def _output(self) -> Tensor:
        """C in real coordinates, twice the real part included, (channel, N)."""
        c = self._wide(self.c)
        return 2.0 * torch.cat([c[..., 0], -c[..., 1]], -1)

    def _discrete(self) -> tuple[Tensor, Tensor, Tensor]:
        """Abar (channel, N, N), Bbar (channel, N), C (channel, N), in real coordinates.

        ``Abar = 2 M - I`` and ``Bbar = dt M B`` with ``M = (I - dt/2 A)^-1``, by Woodbury from the rotations.
        """
        dt = self._wide(self.log_dt).exp().unsqueeze(-1)
        inverse = self._inverse(dt)
        m = rotation_matrix(inverse.re, inverse.im)
        for left, right in zip(inverse.left, inverse.right, strict=True):
            m = m - left.unsqueeze(-1) * right.unsqueeze(-2)
        bbar = dt * _solve(inverse, self._real_coordinates(self.b))
        return 2.0 * m - torch.eye(self.d_state, dtype=m.dtype, device=m.device), bbar, self._output()

    def _inverse(self, dt: Tensor) -> Inverse:
        """``(I - dt/2 A)^-1`` by Woodbury, one vector of the low-rank term after the other; dt (channel, 1)."""
        re, im = self._diagonal_inverse(dt)
        left: list[Tensor] = []
        right: list[Tensor] = []
        for p in self._low_rank():
            so_far = Inverse(re, im, tuple(left), tuple(right))
            mp, pm = _solve(so_far, p), _solve(so_far._replace(im=-im, left=so_far.right, right=so_far.left), p)
            left.append(dt / (1.0 + dt * (p * mp).sum(-1, keepdim=True)) * mp)
            right.append(pm)
        return Inverse(re, im, tuple(left), tuple(right))

    def _low_rank(self) -> tuple[Tensor, ...]:
        """The vectors p in real coordinates, (channel, N) each."""
        vectors = self.p.unsqueeze(1) if self.p.ndim == 3 else self.p
        return tuple(self._real_coordinates(p) for p in vectors.unbind(1))

    def _real_coordinates(self, pairs: Tensor) -> Tensor:
        """(systems, N / 2, 2) → (channel, N), real parts before imaginary parts."""
        return self._spread(self._wide(pairs).transpose(1, 2).flatten(1))

    def _diagonal_inverse(self, dt: Tensor) -> tuple[Tensor, Tensor]:
        """``1 / (1 - dt/2 lam)`` as real pairs, (channel, N / 2) each."""
        re = 1.0 + 0.5 * dt * self._spread(self.log_neg_real.to(dt.dtype).exp())
        im = -0.5 * dt * self._spread(self.imag.to(dt.dtype))
        size = re.square() + im.square()
        return re / size, -im / size

    def _spread(self, system: Tensor) -> Tensor:
        """(systems, N) → (channel, N): neighbouring channels share a system."""
        return system.repeat_interleave(self.d_model // system.shape[0], dim=0)


def _rotate(re: Tensor, im: Tensor, x: Tensor) -> Tensor:
    """Complex product of (re + i im) with a vector in real coordinates (…, N)."""
    x_re, x_im = x.chunk(2, dim=-1)
    return torch.cat([re * x_re - im * x_im, im * x_re + re * x_im], dim=-1)


def _solve(inverse: Inverse, x: Tensor) -> Tensor:
    """``(I - dt/2 A)^-1 x`` for a vector in real coordinates (…, N)."""
    y = _rotate(inverse.re, inverse.im, x)
    for left, right in zip(inverse.left, inverse.right, strict=True):
        y = y - left * (right * x).sum(-1, keepdim=True)
    return y


def _system(init: S4Init, d_state: int, systems: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Initial ``log(-Re lam)``, ``Im lam``, p and b of each system; random ones differ from system to system."""
    if init == "random":
        half, dtype = d_state // 2, parameter_dtype()
        decay, p = torch.full((systems, half), 0.5, dtype=dtype), torch.randn(systems, half, 2, dtype=dtype) * 0.5**0.5
        b = torch.tensor([1.0, 0.0], dtype=dtype).expand(systems, half, 2).clone()
        return decay.log(), torch.randn(systems, half, dtype=dtype).exp(), p, b
    lam, p, b = dplr(init, d_state)
    decay = np.log(np.maximum(-lam.real, SMALLEST_DECAY))
    vectors = [np.stack([vector.real, vector.imag], -1) for vector in p.T]
    low_rank = vectors[0] if len(vectors) == 1 else np.stack(vectors)
    b = np.stack([b.real, b.imag], -1)
    return _copies(decay, systems), _copies(lam.imag, systems), _copies(low_rank, systems), _copies(b, systems)


def _copies(values: np.ndarray, count: int) -> Tensor:
    row = torch.tensor(values, dtype=parameter_dtype())
    return row.expand(count, *row.shape).clone()
