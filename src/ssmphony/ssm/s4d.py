"""S4D, the diagonal state-space kernel (Gu et al. 2022, arXiv 2206.11893), zero-order hold, real arithmetic."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ssmphony.ssm.blocks import BlockMatrices
from ssmphony.ssm.hippo import s4d_inv, s4d_legs, s4d_lin, s4d_real
from ssmphony.ssm.kernel import StateSpaceKernel, parameter_dtype, sample_log_dt
from ssmphony.ssm.scan import linear
from ssmphony.ssm.scan.linear import LinearSystem

S4DInit = Literal["lin", "inv", "legs", "real", "random"]
DIAGONALS = {"lin": s4d_lin, "inv": s4d_inv, "legs": s4d_legs, "real": s4d_real}


class S4DKernel(StateSpaceKernel):
    """``x[k] = exp(dt a) x[k-1] + (exp(dt a) - 1) / a u[k]``, ``y[k] = 2 Re(c x[k]) + d u[k]``; B = 1 lives in c.

    ``a = -exp(log_neg_real) + i imag`` is stable whatever the optimiser does. Complex numbers are real pairs.
    """

    def __init__(self, d_model: int, d_state: int, init: S4DInit = "lin") -> None:
        super().__init__(d_model, d_state)
        log_neg_real, imag = _diagonal(init, d_model, d_state)
        self.log_dt = nn.Parameter(sample_log_dt(d_model))
        self.log_neg_real = nn.Parameter(log_neg_real)
        self.imag = nn.Parameter(imag)
        self.c = nn.Parameter(torch.randn(d_model, d_state // 2, 2, dtype=parameter_dtype()) * 0.5**0.5)
        self.skip = nn.Parameter(torch.randn(d_model, dtype=parameter_dtype()))

    def slow_parameters(self) -> tuple[str, ...]:
        return ("log_dt", "log_neg_real", "imag")

    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length), compiled or as a two-level Vandermonde product."""
        if self._compiled():
            return linear.impulse_response(self.recurrence(), length)
        return self._vandermonde(length)

    def _vandermonde(self, length: int) -> Tensor:
        """``exp(dt a l) = exp(dt a T i) exp(dt a j)`` for ``l = T i + j``: 2 sqrt(length) exponentials a state, and one
        batched matrix product.
        """
        inner = max(1, round(length**0.5))
        outer = -(-length // inner)
        cb = _multiply(*self._c(), *self._b())
        left_re, left_im = self._powers(torch.arange(outer, device=self.device) * inner)
        left_re, left_im = _multiply(left_re, left_im, cb[0].unsqueeze(-1), cb[1].unsqueeze(-1))
        right_re, right_im = self._powers(torch.arange(inner, device=self.device))
        left = torch.cat([left_re, -left_im], dim=1).transpose(1, 2)
        kernel = torch.bmm(left, torch.cat([right_re, right_im], dim=1)).reshape(self.d_model, outer * inner)
        return self._with_skip(2.0 * kernel[:, :length])

    def block(self, length: int) -> BlockMatrices:
        """The matrices of ``length`` steps, from the powers 0 … length of ``exp(dt a)``."""
        re, im = self._powers(torch.arange(length + 1, device=self.device))
        b_re, b_im = (part.unsqueeze(-1) for part in self._b())
        c_re, c_im = (part.unsqueeze(-1) for part in self._c())
        reach = torch.cat(_multiply(b_re, b_im, re[..., :length], im[..., :length]), dim=1)
        observe_re, observe_im = _multiply(c_re, c_im, re[..., 1:], im[..., 1:])
        c = 2.0 * torch.cat([c_re, -c_im], dim=1)
        kernel = (c * reach).sum(1)
        last_re, last_im = torch.diag_embed(re[..., length]), torch.diag_embed(im[..., length])
        power = torch.cat([torch.cat([last_re, last_im], 2), torch.cat([-last_im, last_re], 2)], 1)
        observe = 2.0 * torch.cat([observe_re, -observe_im], dim=1)
        return BlockMatrices(self._with_skip(kernel), reach.flip(-1).transpose(1, 2), observe, power)

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        b = torch.cat(self._b(), dim=-1).unsqueeze(1)
        c_re, c_im = self._c()
        state = self.leap(state, 1) + b * u.unsqueeze(-1)
        y = torch.bmm(state, 2.0 * torch.cat([c_re, -c_im], dim=-1).unsqueeze(-1)).squeeze(-1)
        return y + self._wide(self.skip).unsqueeze(-1) * u, state

    def leap(self, state: Tensor, steps: int) -> Tensor:
        re, im = self._powers(torch.tensor([steps], device=self.device))
        x_re, x_im = state.chunk(2, dim=-1)
        return torch.cat(_multiply(x_re, x_im, re.transpose(1, 2), im.transpose(1, 2)), dim=-1)

    def recurrence(self) -> LinearSystem:
        """In float64: ``w = exp(dt a) - 1`` and ``b = w / a``."""
        a_re, a_im = -self.log_neg_real.double().exp(), self.imag.double()
        dt = self.log_dt.double().exp().unsqueeze(-1)
        w = _exp_minus_one(a_re * dt, a_im * dt)
        c_re, c_im = (part.double() for part in self._c())
        none = dt.new_empty(self.d_model, 0, self.d_state)
        c = 2.0 * torch.cat([c_re, -c_im], dim=-1)
        return LinearSystem(torch.cat(w, -1), none, none, torch.cat(_divide(*w, a_re, a_im), -1), c, self.skip.double())

    def _dt_a(self) -> tuple[Tensor, Tensor]:
        dt = self._wide(self.log_dt).exp().unsqueeze(-1)
        return -self._wide(self.log_neg_real).exp() * dt, self._wide(self.imag) * dt

    def _powers(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """``exp(dt a steps)`` as real pairs, (channel, n, steps) each."""
        re, im = self._dt_a()
        steps = steps.to(re.dtype)
        size, angle = (re.unsqueeze(-1) * steps).exp(), im.unsqueeze(-1) * steps
        return size * angle.cos(), size * angle.sin()

    def _b(self) -> tuple[Tensor, Tensor]:
        """``(exp(dt a) - 1) / a`` as real pairs, (channel, n) each; exact for small steps."""
        a_re, a_im = -self._wide(self.log_neg_real).exp(), self._wide(self.imag)
        return _divide(*_exp_minus_one(*self._dt_a()), a_re, a_im)

    def _c(self) -> tuple[Tensor, Tensor]:
        c = self._wide(self.c)
        return c[..., 0], c[..., 1]

    def _with_skip(self, kernel: Tensor) -> Tensor:
        return torch.cat([kernel[:, :1] + self._wide(self.skip).unsqueeze(-1), kernel[:, 1:]], dim=-1)


def _multiply(a_re: Tensor, a_im: Tensor, b_re: Tensor, b_im: Tensor) -> tuple[Tensor, Tensor]:
    return a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re


def _diagonal(init: S4DInit, d_model: int, d_state: int) -> tuple[Tensor, Tensor]:
    """Initial ``log(-Re a)`` and ``Im a``, (channel, n) each. Random: -1/2 and log-normal, other ones each channel."""
    if init == "random":
        shape = (d_model, d_state // 2)
        dtype = parameter_dtype()
        return torch.full(shape, 0.5, dtype=dtype).log(), torch.randn(shape, dtype=dtype).exp()
    a = DIAGONALS[init](d_state)
    return _rows(np.log(-a.real), d_model), _rows(a.imag, d_model)


def _divide(a_re: Tensor, a_im: Tensor, b_re: Tensor, b_im: Tensor) -> tuple[Tensor, Tensor]:
    size = b_re.square() + b_im.square()
    return (a_re * b_re + a_im * b_im) / size, (a_im * b_re - a_re * b_im) / size


def _exp_minus_one(re: Tensor, im: Tensor) -> tuple[Tensor, Tensor]:
    """``exp(z) - 1``: Re = expm1(x) cos y - 2 sin^2(y/2) keeps the digits that exp(z) - 1 would cancel."""
    return torch.expm1(re) * im.cos() - 2.0 * (im / 2.0).sin().square(), re.exp() * im.sin()


def _rows(values: np.ndarray, count: int) -> Tensor:
    return torch.tensor(values, dtype=parameter_dtype()).expand(count, -1).clone()
