"""What researchers put around a layer: hooks, checkpoints, adapters, exporters, files; and input with a mistake."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ssmphony.nn import MIXERS, Block, Stack
from tests.contract.contract import arrays, assert_close, map_state, present
from tests.contract.layers import LAYERS, ONE_OF_EACH, WIDTH, build

every_layer = pytest.mark.parametrize("name", LAYERS)
every_kind = pytest.mark.parametrize("name", ONE_OF_EACH)


def in_stack(name: str) -> Stack:
    """Two residual blocks of a layer, or the layer itself where it is a stack."""
    layer = build(name)
    return (
        layer if isinstance(layer, Stack) else Stack([Block(WIDTH, layer, d_ffn=6), Block(WIDTH, copy.deepcopy(layer))])
    )


def inputs(time: int = 40, batch: int = 2) -> Tensor:
    return torch.randn(batch, time, WIDTH, generator=torch.Generator().manual_seed(1))


@every_kind
@pytest.mark.parametrize("length", [1, 40])
def test_hooks_run_on_every_module(name: str, length: int) -> None:
    """Also on blocks, mixers and kernels: what shards, quantises or records a module hangs on them."""
    stack, called = in_stack(name), set[nn.Module]()
    for module in stack.modules():
        module.register_forward_hook(lambda module, *_: called.add(module))
    x = inputs(length)
    stack(x, stack.initial_state(2), present(x))
    silent = (nn.ModuleList, nn.ParameterList, nn.Identity)
    assert called == {module for module in stack.modules() if not isinstance(module, silent)}


@every_kind
def test_activation_checkpoints(name: str) -> None:
    """Gradients with checkpoints around each block equal those without."""
    stack, x = in_stack(name), inputs().requires_grad_()
    state, mask = stack.initial_state(2), present(x)

    def gradients(blocks: Any) -> list[Tensor]:
        y, states = x, []
        for block, begin in zip(stack.layers, state.layers, strict=True):
            y, after = blocks(block, y, begin)
            states.append(after)
        loss = y.square().sum() + sum(part.float().square().sum() for part in arrays(tuple(states)))
        return list(torch.autograd.grad(loss, [x, *stack.parameters()], allow_unused=True, materialize_grads=True))

    plain = gradients(lambda block, y, begin: block(y, begin, mask))
    kept = gradients(lambda block, y, begin: checkpoint(block, y, begin, mask, use_reentrant=False))
    for a, b in zip(kept, plain, strict=True):
        assert torch.equal(a, b)


@every_kind
def test_low_rank_adapters_of_peft(name: str) -> None:
    """Around all linear layers: they change the output, can be trained, and merge into plain weights."""
    peft = pytest.importorskip("peft")
    stack, x = in_stack(name), inputs()
    linear = [part for part, module in stack.named_modules() if isinstance(module, nn.Linear)]
    adapted = peft.inject_adapter_in_model(peft.LoraConfig(target_modules=linear, init_lora_weights=False), stack)
    y, _ = adapted(x, stack.initial_state(2), present(x))
    y.square().sum().backward()
    trained = {part for part, value in adapted.named_parameters() if value.grad is not None}
    assert trained
    assert all("lora_" in part for part in trained)
    for module in list(adapted.modules()):
        if isinstance(module, peft.tuners.lora.LoraLayer):
            module.merge()
    assert_close(adapted(x, stack.initial_state(2), present(x))[0], y)


@every_layer
def test_a_state_is_loaded_as_data(name: str) -> None:
    """`torch.load` with weights_only=True, and the stream goes on to the same bits."""
    layer, x, file = build(name), inputs(), io.BytesIO()
    with torch.no_grad():
        _, state = layer(x, layer.initial_state(2), present(x))
        torch.save(state, file)
        file.seek(0)
        loaded = torch.load(file, weights_only=True)
        assert torch.equal(layer(x, loaded, present(x))[0], layer(x, state, present(x))[0])


@pytest.mark.integration
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("gradients", [True, False])
@every_kind
def test_export_with_free_time(name: str, gradients: bool, strict: bool) -> None:
    """One program for three steps and more (one and two are other code), also where gradients are recorded."""
    layer = build(name)
    time = torch.export.Dim("time", min=3, max=4096)
    x = inputs(40)
    state = layer.initial_state(2)
    shapes = ({1: time}, map_state(lambda _: None, state), {1: time})
    with torch.set_grad_enabled(gradients):
        program = torch.export.export(layer, (x, state, present(x)), dynamic_shapes=shapes, strict=strict).module()
        for length in (3, 31, 33, 64, 200):
            x = inputs(length)
            assert_close(program(x, state, present(x))[0], layer(x, state, present(x))[0])


@every_layer
def test_input_with_a_mistake(name: str) -> None:
    """A mask or reset of another shape or type, and a state of other rows: named, never broadcast."""
    layer, x = build(name), inputs(7)
    state, mask = layer.initial_state(2), present(x)
    for wrong in (mask[:, :1], mask[:1], mask[:, :6], mask[..., None]):
        with pytest.raises(ValueError, match="mask must have shape"):
            layer(x, state, wrong)
    with pytest.raises(ValueError, match="mask must be bool"):
        layer(x, state, mask.float())
    with pytest.raises(ValueError, match="reset must have shape"):
        layer(x, state, mask, mask[:, :1])
    for length in (1, 2, 7):
        for rows in (1, 3):
            with pytest.raises(ValueError, match=f"the state has {rows} rows and the input 2"):
                layer(x[:, :length], layer.initial_state(rows), mask[:, :length])


@every_layer
def test_nan_stays_causal(name: str) -> None:
    """A step that is not a number changes no output before it, and none of another row."""
    layer, x = build(name), inputs(60)
    clean, _ = layer(x, layer.initial_state(2), present(x))
    for value in (float("nan"), float("inf")):
        broken = x.clone()
        broken[0, 45] = value
        y, _ = layer(broken, layer.initial_state(2), present(x))
        assert torch.equal(y[1], clean[1])
        assert torch.equal(y[0, :45], clean[0, :45])
        assert not y[0, 45 : 46 + layer.lookahead].isfinite().all()


@pytest.mark.parametrize("kind", MIXERS)
def test_any_order_of_bases(kind: str) -> None:
    """A class of another layout can take the place of a layer's, as sharding does."""
    layer = build(kind)
    layer.__class__ = type("Sharded", (type("Mixin", (), {}), type(layer)), {})
    x = inputs(5)
    assert layer(x, layer.initial_state(2), present(x))[0].shape == x.shape
