"""What types, devices and derivatives are asked of a layer beyond float32 and backward."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from ssmphony.nn import BidirectionalConfig
from ssmphony.ssm import S4Config, S4DConfig, kernel
from tests.contract.contract import arrays, assert_close, layer_stream, present, speak
from tests.contract.layers import LAYERS, ONE_OF_EACH, WIDTH, build

every_layer = pytest.mark.parametrize("name", LAYERS)
every_kind = pytest.mark.parametrize("name", ONE_OF_EACH)
#: Twice the rounding of one number.
ROUNDING = {torch.bfloat16: 2**-7, torch.float16: 2**-10}


def inputs(time: int = 300, batch: int = 1) -> Tensor:
    return torch.randn(batch, time, WIDTH, generator=torch.Generator().manual_seed(1))


def error(y: Tensor, expected: Tensor) -> float:
    return float((y.double() - expected.double()).abs().max() / expected.abs().max())


KERNELS: dict[str, Callable[[], Any]] = {
    **{f"s4 {init}": lambda init=init: S4Config(d_model=16, init=init).build() for init in ("legs", "legt", "fout")},
    **{f"s4d {init}": lambda init=init: S4DConfig(d_model=16, init=init).build() for init in ("lin", "inv", "real")},
}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("name", KERNELS)
@torch.no_grad()
def test_state_spaces_in_16_bits(name: str, dtype: torch.dtype) -> None:
    """At their full size, against float32: as near as rounding input and output allows; stepped as whole."""
    torch.manual_seed(1)
    layer = KERNELS[name]().eval()
    cast, x, mask = copy.deepcopy(layer).to(dtype), torch.randn(1, 2000, 16), torch.ones(1, 2000, dtype=torch.bool)
    y, _ = layer(x, layer.initial_state(1), mask)
    z, last = cast(x.to(dtype), cast.initial_state(1), mask)
    assert z.dtype == dtype
    assert last.x.dtype == torch.float32
    assert error(z, y) < 2 * ROUNDING[dtype]
    stepped = speak(layer_stream(cast, 16), x[:, :200].to(dtype), cuts=list(range(1, 200)))
    assert error(stepped, z[:, :200]) < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING)
@every_layer
@torch.no_grad()
def test_cast_layers(name: str, dtype: torch.dtype) -> None:
    """Near float32, whole and in blocks; what depends on the dynamics alone is not rounded."""
    layer, x = build(name), inputs()
    cast = copy.deepcopy(layer).to(dtype)
    y = speak(layer_stream(layer, WIDTH), x)
    z = speak(layer_stream(cast, WIDTH), x.to(dtype))
    assert error(z, y) < 12 * ROUNDING[dtype]
    assert error(speak(layer_stream(cast, WIDTH), x.to(dtype), cuts=[1, 2, 50, 99]), z) < 4 * ROUNDING[dtype]


@pytest.mark.parametrize("name", ["s4", "s4d", "mamba", "mamba2"])
@torch.no_grad()
def test_states_that_were_rounded(name: str) -> None:
    """A state in 16 bits, as FSDP casts it, does not make the arithmetic of 16 bits."""
    layer, x = build(name), inputs(50)
    state = layer.initial_state(1)
    rounded = type(state)(*(part.bfloat16() for part in state))
    y, after = layer(x, rounded, present(x))
    assert torch.equal(y, layer(x, state, present(x))[0])
    assert {part.dtype for part in after} == {torch.float32}


def test_rounded_dynamics_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """Where something other than a cast rounds them: once."""
    layer, x = build("s4d"), inputs(50)
    rounded = {name: value.detach().bfloat16() for name, value in layer.kernel.named_parameters()}
    kernel._warn_of_rounding.cache_clear()
    with caplog.at_level(logging.WARNING, logger=kernel.__name__):
        for _ in range(2):
            functional_call(layer.kernel, rounded, (x.permute(2, 0, 1), layer.kernel.initial_state(1).transpose(0, 1)))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "keep their kernels in float32" in caplog.text


@pytest.mark.parametrize("signal", ["noise", "constant"])
@pytest.mark.parametrize("name", KERNELS)
@torch.no_grad()
def test_long_input(name: str, signal: str) -> None:
    """The bounds that docs/ssm.md states, relative to the largest output, at the end of 20,000 steps."""
    torch.manual_seed(0)
    layer = KERNELS[name]().kernel
    exact = copy.deepcopy(layer).double()
    u = torch.randn(16, 1, 20_000) if signal == "noise" else torch.ones(16, 1, 20_000)
    y, _ = layer(u, layer.initial_state(1).transpose(0, 1))
    z, _ = exact(u.double(), exact.initial_state(1).transpose(0, 1))
    bound = 1e-5 if name.startswith("s4 ") or signal == "noise" else 1e-4
    assert error(y[..., -1000:], z[..., -1000:]) < bound


@pytest.fixture
def other_defaults() -> Iterator[None]:
    """A default type and a default device that would show wherever a layer made a tensor of its own."""
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


@every_layer
@pytest.mark.parametrize("length", [1, 70])
def test_defaults_do_not_matter_to_a_layer_that_exists(name: str, length: int, request: pytest.FixtureRequest) -> None:
    layer, x = build(name), inputs(length)
    mask, reset = present(x), torch.zeros_like(present(x))
    reset[:, length // 2] = True
    expected = [layer(x, layer.initial_state(1), mask, chosen) for chosen in (None, reset)]
    request.getfixturevalue("other_defaults")
    for chosen, (y, state) in zip((None, reset), expected, strict=True):
        z, other = layer(x, layer.initial_state(1), mask, chosen)
        for a, b in zip(arrays((z, other)), arrays((y, state)), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("mixer", [S4Config(d_model=4, d_state=8), S4DConfig(d_model=4, d_state=8)])
def test_defaults_do_not_matter_to_both_directions(mixer: Any, request: pytest.FixtureRequest) -> None:
    both, x = BidirectionalConfig(mixer=mixer).build(), inputs(9)
    mask = present(x)
    y, response = both(x, mask), both.forward_kernel.kernel(9)
    request.getfixturevalue("other_defaults")
    assert torch.equal(both(x, mask), y)
    assert torch.equal(both.forward_kernel.kernel(9), response)


@every_layer
def test_a_layer_is_built_in_the_default_type(name: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        layer, x = build(name), inputs(20)
    finally:
        torch.set_default_dtype(torch.float32)
    y, state = layer(x.double(), layer.initial_state(1), present(x))
    assert y.dtype == torch.float64
    assert {part.dtype for part in arrays(state) if part.is_floating_point()} <= {torch.float64}


@every_kind
def test_a_layer_is_built_without_memory(name: str) -> None:
    """On the device "meta", then filled with weights."""
    with torch.device("meta"):
        empty: nn.Module = LAYERS[name]().eval()
    assert {value.device.type for value in empty.parameters()} == {"meta"}
    layer, x = build(name), inputs(20)
    filled = empty.to_empty(device="cpu")
    filled.load_state_dict(layer.state_dict())
    for buffer, value in zip(filled.buffers(), layer.buffers(), strict=True):
        buffer.copy_(value)
    assert torch.equal(
        filled(x, layer.initial_state(1), present(x))[0], layer(x, layer.initial_state(1), present(x))[0]
    )


@every_kind
@pytest.mark.parametrize("frozen", [True, False])
def test_derivatives_that_are_carried_forward(name: str, frozen: bool) -> None:
    """`torch.func.jvp` with respect to the input, the first state and the weights, against float64."""
    layer, x = build(name).requires_grad_(not frozen), inputs(70)
    weights = {key: value.detach() for key, value in layer.named_parameters()}
    generator = torch.Generator().manual_seed(2)

    def tangents(dtype: torch.dtype) -> list[Tensor]:
        module = copy.deepcopy(layer).to(dtype)
        state = module.initial_state(1)

        def function(signal: Tensor, given: dict[str, Tensor]) -> tuple[Tensor, Any]:
            return functional_call(module, given, (signal, state, present(x)))

        generator.manual_seed(2)
        primals = (x.to(dtype), {key: value.to(dtype) for key, value in weights.items()})
        along = (
            torch.randn(x.shape, generator=generator).to(dtype),
            {key: torch.randn(value.shape, generator=generator).to(dtype) for key, value in weights.items()},
        )
        _, (y, after) = jvp(function, primals, along)
        return [y, *(part for part in arrays(after) if part.is_floating_point() and part.numel())]

    if name in ("attention", "learned"):  # PyTorch's attention has none, and says so
        with pytest.raises(NotImplementedError, match="forward AD"):
            tangents(torch.float32)
        return
    for single, exact in zip(tangents(torch.float32), tangents(torch.float64), strict=True):
        assert exact.abs().max() > 0
        assert_close(single.double(), exact, 1e-4)
