"""A compiled stack takes the same steps as the stack, from the same state and back into it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssmphony.config import parse
from ssmphony.nn import Stack, StackConfig, StackState
from ssmphony.nn.decode import DecodeStack
from ssmphony.ssm.scan import cpu
from ssmphony.types import SsmphonyError

STEPS = 9
#: Largest difference over largest value, of outputs and of each state.
TOLERANCE = 1e-5
STACKS: dict[str, dict[str, Any]] = {
    "mamba": {"d_model": 40, "mixers": ["mamba"]},
    "mamba of odd sizes": {
        "d_model": 19,
        "mixers": [{"kind": "mamba", "d_state": 5, "d_conv": 1, "bias": True, "conv_bias": False, "dt_rank": 3}],
        "d_ffn": 33,
    },
    "mamba2": {"d_model": 48, "mixers": [{"kind": "mamba2", "head_dim": 8, "d_state": 12, "n_groups": 3}]},
    "s4d": {"d_model": 24, "mixers": [{"kind": "s4d", "d_state": 10}]},
    "s4": {"d_model": 24, "mixers": [{"kind": "s4", "n_ssm": 2}]},
    "hybrid": {"d_model": 36, "mixers": ["mamba", "s4d", {"kind": "mamba2", "head_dim": 9}, "s4"], "d_ffn": 50},
}

pytestmark = pytest.mark.usefixtures("compiled")
every_stack = pytest.mark.parametrize("name", STACKS)


def make(name: str, d_model: int = 0) -> Stack:
    """Weights that all matter: nothing is left at zero or one."""
    torch.manual_seed(0)
    data = {"n_layers": max(2, len(STACKS[name]["mixers"])), **STACKS[name]}
    stack = parse(StackConfig, {**data, "d_model": d_model or data["d_model"]}).build().eval()
    for parameter in stack.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return stack.requires_grad_(False)


def present(x: Tensor) -> Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool)


def tensors(state: StackState) -> list[Tensor]:
    return [part for block in state.layers for part in (*block.mixer, block.residual)] + list(state.present)


def assert_close(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for value, expected in zip(ours, theirs, strict=True):
        assert value.shape == expected.shape
        assert value.dtype == expected.dtype
        if expected.numel():
            assert float((value - expected).abs().max()) <= TOLERANCE * float(expected.abs().max())


@every_stack
@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (3, 1), (8, 2)])
def test_equals_the_stack(name: str, batch: int, threads: int) -> None:
    stack = make(name)
    fast = DecodeStack(stack, threads)
    x = torch.randn(batch, STEPS, fast.d_model)
    state, expected = fast.initial_state(batch), stack.initial_state(batch)
    assert_close(tensors(state), tensors(expected))
    for step in x.split(1, dim=1):
        y, state = fast.forward(step, state, present(step))
        y_expected, expected = stack.forward(step, expected, present(step))
        assert_close([y, *tensors(state)], [y_expected, *tensors(expected)])


@every_stack
def test_takes_over_from_the_stack_and_back(name: str) -> None:
    stack = make(name)
    fast = DecodeStack(stack, 1)
    x = torch.randn(2, STEPS, fast.d_model)
    whole, last = stack.forward(x, stack.initial_state(2), present(x))
    first, state = stack.forward(x[:, :4], stack.initial_state(2), present(x[:, :4]))
    middle, state = fast.forward(x[:, 4:7], state, present(x[:, 4:7]))
    end, state = stack.forward(x[:, 7:], state, present(x[:, 7:]))
    assert_close([torch.cat([first, middle, end], 1), *tensors(state)], [whole, *tensors(last)])


@every_stack
def test_masked_steps(name: str) -> None:
    """A row that has ended, with anything in its input: the states are the stack's."""
    stack = make(name)
    fast = DecodeStack(stack, 2)
    x = torch.randn(3, 4, fast.d_model)
    mask = torch.arange(4) < torch.tensor([4, 2, 0]).unsqueeze(1)
    x[~mask] = torch.nan
    y, state = fast.forward(x, fast.initial_state(3), mask)
    hidden = x.nan_to_num()
    y_expected, expected = stack.forward(hidden, stack.initial_state(3), mask)
    assert_close([y[mask], *tensors(state)], [y_expected[mask], *tensors(expected)])


@every_stack
@torch.no_grad()
def test_packed_rows(name: str) -> None:
    stack = make(name)
    ours = DecodeStack(stack, threads=1)
    x = torch.randn(2, STEPS, ours.d_model)
    reset = torch.zeros(2, STEPS, dtype=torch.bool)
    reset[0, 4] = reset[1, 0] = reset[1, 6] = True
    y, state = ours.forward(x, ours.initial_state(2), present(x), reset)
    expected, theirs = stack(x, stack.initial_state(2), present(x), reset)
    assert_close([y, *tensors(state)], [expected, *tensors(theirs)])


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_agree(threads: int) -> None:
    """Wide enough for a team, and more threads than there are panels of channels."""
    stack = make("hybrid", d_model=72)
    x = torch.randn(8, 3, 72)
    fast = DecodeStack(stack, threads)
    y, state = fast.forward(x, fast.initial_state(8), present(x))
    expected, last = stack.forward(x, stack.initial_state(8), present(x))
    assert_close([y, *tensors(state)], [expected, *tensors(last)])


def test_is_pure_and_rows_stay_apart() -> None:
    fast = DecodeStack(make("hybrid"), 1)
    x = torch.randn(3, 2, fast.d_model)
    _, state = fast.forward(x, fast.initial_state(3), present(x))
    before = [part.clone() for part in tensors(state)]
    once, after = fast.forward(x, state, present(x))
    again, _ = fast.forward(x, state, present(x))
    assert torch.equal(once, again)
    assert all(torch.equal(part, old) for part, old in zip(tensors(state), before, strict=True))
    x[1], before[0][1] = 7.0, 7.0
    block = state.layers[0]
    swapped = block._replace(mixer=block.mixer._replace(context=before[0]))
    y, new = fast.forward(x, state._replace(layers=(swapped, *state.layers[1:])), present(x))
    assert torch.equal(y[[0, 2]], once[[0, 2]])
    assert all(torch.equal(a[[0, 2]], b[[0, 2]]) for a, b in zip(tensors(new), tensors(after), strict=True))


def test_holds_a_copy_of_the_weights() -> None:
    stack = make("mamba")
    fast = DecodeStack(stack, 1)
    x = torch.randn(1, 1, fast.d_model)
    before, _ = fast.forward(x, fast.initial_state(1), present(x))
    for parameter in stack.parameters():
        parameter.data += 1.0
    assert torch.equal(fast.forward(x, fast.initial_state(1), present(x))[0], before)
    new, _ = DecodeStack(stack, 1).forward(x, fast.initial_state(1), present(x))
    assert not torch.allclose(new, before)


def test_threads_are_chosen_among_what_is_allowed() -> None:
    assert 1 <= DecodeStack(make("mamba")).threads <= torch.get_num_threads()


class Adapted(nn.Linear):
    """A linear whose weight is not what it computes, as an adapter's."""


def test_what_it_cannot_hold_is_named() -> None:
    attention = parse(StackConfig, {"d_model": 16, "n_layers": 1, "mixers": ["attention"]}).build()
    with pytest.raises(SsmphonyError, match="cannot hold Attention: run the Stack itself"):
        DecodeStack(attention)
    ahead = parse(StackConfig, {"d_model": 16, "n_layers": 1, "mixers": ["mamba"], "lookahead": 1}).build()
    with pytest.raises(SsmphonyError, match="cannot hold a Block with lookahead"):
        DecodeStack(ahead)
    adapted = make("mamba")
    adapted.layers[0].mixer.in_proj = Adapted(40, 160)  # type: ignore[union-attr]
    with pytest.raises(SsmphonyError, match="cannot hold Adapted"):
        DecodeStack(adapted)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "ready", lambda: False)
    with pytest.raises(SsmphonyError, match="needs a C"):
        DecodeStack(make("mamba"))


@every_stack
@pytest.mark.parametrize(("weights", "bound"), [(torch.bfloat16, 5e-3), (torch.int8, 1e-2)])
@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (5, 2)])
def test_weights_of_fewer_bits(name: str, weights: torch.dtype, bound: float, batch: int, threads: int) -> None:
    """Near the stack's outputs; equal to those of a stack with rounded weights, for bfloat16."""
    stack = make(name)
    fast = DecodeStack(stack, threads, weights)
    assert fast.weights.numel() < DecodeStack(stack, threads).weights.numel()
    x = torch.randn(batch, STEPS, fast.d_model)
    y, state = fast(x, fast.initial_state(batch), present(x))
    expected, after = stack(x, stack.initial_state(batch), present(x))
    assert float((y - expected).abs().max()) < bound * float(expected.abs().max())
    assert [part.dtype for part in tensors(state)] == [part.dtype for part in tensors(after)]
    if weights == torch.bfloat16:
        for module in stack.modules():
            if isinstance(module, nn.Linear):
                module.weight.data = module.weight.bfloat16().float()
        assert_close([y], [stack(x, stack.initial_state(batch), present(x))[0]])


@every_stack
def test_integers_depend_on_their_own_row_alone(name: str) -> None:
    """Neither on the other rows nor on the number of threads; and what is no number does not become one."""
    stack = make(name)
    one, two = (DecodeStack(stack, threads, torch.int8) for threads in (1, 2))
    x = torch.randn(4, 2, one.d_model)
    y, _ = one(x, one.initial_state(4), present(x))
    assert_close([two(x, two.initial_state(4), present(x))[0]], [y])
    x[1, 1, 3], x[2, 1, 0] = torch.nan, torch.inf
    x[3, 1] *= 1e6
    z, _ = one(x, one.initial_state(4), present(x))
    assert torch.equal(z[:, 0], y[:, 0])
    assert torch.equal(z[0], y[0])
    assert z[1, 1].isnan().all()
    assert not z[2, 1].isfinite().any()
    assert z[3].isfinite().all()


def test_weights_of_another_type() -> None:
    with pytest.raises(SsmphonyError, match=r"float32, bfloat16 or int8, not as torch\.float16"):
        DecodeStack(make("mamba"), weights=torch.float16)


def test_inputs_that_do_not_fit() -> None:
    fast = DecodeStack(make("mamba"), 1)
    x = torch.randn(2, 1, fast.d_model)
    with pytest.raises(ValueError, match="at least one step"):
        fast.forward(x[:, :0], fast.initial_state(2), present(x[:, :0]))
    with pytest.raises(ValueError, match="has 40 channels"):
        fast.forward(x[..., :8], fast.initial_state(2), present(x))
    with pytest.raises(ValueError, match="does not fit its layer"):
        fast.forward(x, fast.initial_state(3), present(x))
    with pytest.raises(TypeError, match=r"take torch\.float32"):
        fast.forward(x.double(), fast.initial_state(2), present(x))
