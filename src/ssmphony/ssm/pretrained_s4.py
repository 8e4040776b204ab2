"""S4 and S4D layers from weights of state-spaces/s4, by name: its `S4Block` (``s4.py``) and its minimal `S4D`
(``s4d.py``).

Their kernel of one channel is ``K[l] = 2 Re(C Abar^l Bbar)``, like ours. What differs is the parametrisation:

* ``s4.py`` keeps the conjugates (``A = -exp(A_real) - i A_imag``), so everything complex is conjugated here.
* S4D's B is a parameter there; here it is absorbed into C, and so is any other discretisation or a step size of each
  state: a diagonal system is determined by its poles ``exp(w)`` and by ``C Bbar``, and ours can have any of both.
* S4's C is ``C (I - Abar^L)`` once its kernel has run at length L (the buffer ``l_kernel``); this is undone here, so
  that the layer is valid for every length. Its own kernel equals ours up to ``L``, and only up to there.
* A step size of each state in S4 is moved into A, P, B and C; the channels then share no systems.

What the shapes do not show must have the authors' defaults: GELU, and an exponential for the decay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm.output import GatedOutput
from ssmphony.ssm.pretrained import own_names, shape_of
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4_layer import StateSpaceMixer
from ssmphony.ssm.s4d import S4DKernel
from ssmphony.types import SsmphonyError

Discretisation = Literal["zoh", "bilinear"]
Transform = Literal["exp", "softplus"]

NAMES = ("D", "kernel.C", "kernel.inv_dt", "kernel.B", "kernel.A_real", "kernel.A_imag")
MINIMAL_NAMES = ("D", "kernel.C", "kernel.log_dt", "kernel.log_A_real", "kernel.A_imag")
OUTPUT_NAMES = ("output_linear.0.weight", "output_linear.0.bias")


def load_s4d(
    weights: Mapping[str, Tensor],
    prefix: str = "",
    disc: Discretisation = "zoh",
    dt_transform: Transform = "exp",
) -> StateSpaceMixer:
    """An S4D layer from the weights whose names start with ``prefix``: minimal S4D, or an S4Block with mode diag.

    ``disc`` and ``dt_transform`` are options of S4Block that no shape shows. Raises `SsmphonyError` if a tensor is
    missing, unknown or of a shape that has no equivalent here.
    """
    own = {name.removeprefix("layer."): value for name, value in own_names(weights, prefix).items()}
    if "kernel.log_A_real" in own:
        _require(own, MINIMAL_NAMES)
        a = torch.complex(-own["kernel.log_A_real"].double().exp(), own["kernel.A_imag"].double())
        b, c = torch.ones_like(a), _complex(own["kernel.C"], "kernel.C", 2)
        dt = own["kernel.log_dt"].double().exp().unsqueeze(-1)
    else:
        _require(own, NAMES)
        a, b, c, dt = _parts(own, dt_transform)
    return _mixer(_diagonal(a, b, c, dt, disc), own)


def load_s4(weights: Mapping[str, Tensor], prefix: str = "", dt_transform: Transform = "exp") -> StateSpaceMixer:
    """An S4 layer from the weights of an S4Block with mode dplr (or nplr) whose names start with ``prefix``.

    Raises `SsmphonyError` if a tensor is missing, unknown or of a shape that has no equivalent here.
    """
    own = {name.removeprefix("layer."): value for name, value in own_names(weights, prefix).items()}
    _require(own, (*NAMES, "kernel.P", "kernel.l_kernel"))
    a, b, c, dt = _parts(own, dt_transform, shared=True)
    p = _complex(own["kernel.P"], "kernel.P", 3).conj().transpose(0, 1)
    if dt.shape[1] > 1 or 1 < len(a) < len(c):
        a, b, p = (_spread(part, len(c)) for part in (a, b, p))
    if dt.shape[1] > 1:
        # diag(dt) A is similar to sqrt(dt) A sqrt(dt), which is a diagonal minus a term of low rank again.
        root = dt.sqrt()
        a, b, c, p, dt = dt * a, root * b, root * c, root.unsqueeze(1) * p, torch.ones_like(dt[:, :1])
    kernel = S4Kernel(len(dt), 2 * a.shape[1], len(a)).double()
    values = {"log_dt": dt.squeeze(1).log(), "log_neg_real": _log_decay(a), "imag": a.imag, "b": _pairs(b)}
    low_rank = _pairs(p).squeeze(1) if p.shape[1] == 1 else _pairs(p)
    kernel.p = torch.nn.Parameter(low_rank)
    _fill(kernel, values | {"c": _pairs(c)})
    length = int(own["kernel.l_kernel"])
    if length:
        with torch.no_grad():
            kernel.c.copy_(_untruncated(kernel, length))
    return _mixer(kernel, own)


def _parts(
    own: Mapping[str, Tensor], dt_transform: Transform, shared: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A and B (system, n), C (channel, n), dt (channel, 1 or n) of an S4Block, conjugated; one system a channel unless
    ``shared``."""
    a = torch.complex(-own["kernel.A_real"].double().exp(), own["kernel.A_imag"].double())
    b, c = (_complex(own[f"kernel.{name}"], f"kernel.{name}", dims).conj() for name, dims in (("B", 3), ("C", 3)))
    if len(c) != 1:
        raise SsmphonyError(
            f"'kernel.C' holds {len(c)} kernels a channel (channels or bidirectional): load layers that have one"
        )
    inverse = own["kernel.inv_dt"].double()
    dt = inverse.exp() if dt_transform == "exp" else F.softplus(inverse)
    b, c = b.squeeze(0), c.squeeze(0)
    if len(c) != len(dt) or len(c) % len(a) or a.shape != b.shape or a.shape[1] != c.shape[1]:
        raise SsmphonyError(f"C {tuple(c.shape)}, B {tuple(b.shape)} and A {tuple(a.shape)} of this layer do not fit")
    if not shared:
        a, b = _spread(a, len(c)), _spread(b, len(c))
    return a, b, c, dt


def _diagonal(a: Tensor, b: Tensor, c: Tensor, dt: Tensor, disc: Discretisation) -> S4DKernel:
    """Poles ``exp(w)`` and gains ``c Bbar`` of the published kernel, and the parameters of ours that have both."""
    z = dt * a
    w = z if disc == "zoh" else torch.log((1.0 + z / 2.0) / (1.0 - z / 2.0))
    gain = c * b * (torch.expm1(z) / a if disc == "zoh" else dt / (1.0 - z / 2.0))
    step = dt.mean(1, keepdim=True)
    ours = w / step
    kernel = S4DKernel(len(a), 2 * a.shape[1]).double()
    values = {"log_dt": step.squeeze(1).log(), "log_neg_real": _log_decay(ours), "imag": ours.imag}
    _fill(kernel, values | {"c": _pairs(gain * ours / torch.expm1(w))})
    return kernel


def _untruncated(kernel: S4Kernel, length: int) -> Tensor:
    """C from ``C (I - Abar^length)``, as pairs (channel, n, 2)."""
    step = kernel.block(1).power  # the transpose of Abar in real coordinates, where C is [Re C, -Im C]
    kept = torch.eye(kernel.d_state, dtype=step.dtype, device=step.device) - torch.linalg.matrix_power(step, length)
    truncated = torch.cat([kernel.c[..., 0], -kernel.c[..., 1]], dim=-1)
    re, im = torch.linalg.solve(kept, truncated).chunk(2, dim=-1)
    return torch.stack([re, -im], dim=-1)


def _mixer(kernel: S4Kernel | S4DKernel, own: Mapping[str, Tensor]) -> StateSpaceMixer:
    """The layer around the kernel, in float32."""
    layer = StateSpaceMixer(kernel)
    _fill(kernel, {"skip": own["D"].reshape(-1)})
    weight = own["output_linear.0.weight"]
    weight = weight.squeeze(-1) if weight.ndim == 3 else weight
    _fill(cast("GatedOutput", layer.output), {"linear.weight": weight, "linear.bias": own["output_linear.0.bias"]})
    return layer.float()


def _fill(module: S4Kernel | S4DKernel | GatedOutput, values: Mapping[str, Tensor]) -> None:
    mine = dict(module.named_parameters())
    for name, value in values.items():
        if mine[name].shape != value.shape:
            raise SsmphonyError(f"'{name}' would have shape {tuple(value.shape)}, expected {tuple(mine[name].shape)}")
        with torch.no_grad():
            mine[name].copy_(value)


def _require(own: Mapping[str, Tensor], names: tuple[str, ...]) -> None:
    for name in (*names, *OUTPUT_NAMES):
        shape_of(own, name)
    for name in sorted(own.keys() - {*names, *OUTPUT_NAMES}):
        raise SsmphonyError(f"'{name}' is unknown: only layers with GELU, one linear and GLU have an equal here")


def _complex(value: Tensor, name: str, dimensions: int) -> Tensor:
    if value.ndim != dimensions + 1 or value.shape[-1] != 2:
        raise SsmphonyError(f"'{name}' must hold pairs of real and imaginary parts, got shape {tuple(value.shape)}")
    return torch.view_as_complex(value.double().contiguous())


def _pairs(value: Tensor) -> Tensor:
    return torch.view_as_real(value.resolve_conj().contiguous())


def _spread(system: Tensor, channels: int) -> Tensor:
    """(system, …) → (channel, …): published channels take systems in turn, where ours share them with neighbours."""
    return system.repeat(channels // len(system), *[1] * (system.ndim - 1))


def _log_decay(a: Tensor) -> Tensor:
    if bool((a.real >= 0).any()):
        raise SsmphonyError("this layer has eigenvalues that do not decay: layers here are always stable")
    return (-a.real).log()
