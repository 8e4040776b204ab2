"""Layers adapted without training their weights: low-rank adapters on the linears, a learned first state."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from ssmphony.config import parse
from ssmphony.export.fixed_block import FixedBlockMixer, fixed_blocks
from ssmphony.nn import MIXERS, LearnedState, StackConfig, parameter_groups
from ssmphony.ssm import S4DConfig
from tests.contract.contract import assert_close, present
from tests.contract.layers import WIDTH, mixer

WITH_LINEARS = [kind for kind in MIXERS if kind != "causal_conv"]


@pytest.mark.parametrize("kind", WITH_LINEARS)
def test_adapters_of_peft(kind: str) -> None:
    """LoRA on the linears changes the output, and trains them alone."""
    peft = pytest.importorskip("peft")
    torch.manual_seed(0)
    layer = mixer(kind)
    x = torch.randn(1, 20, WIDTH)
    before = layer(x, layer.initial_state(1), present(x))[0]
    linears = [name for name, part in layer.named_modules() if isinstance(part, nn.Linear)]
    model = peft.get_peft_model(layer, peft.LoraConfig(r=2, target_modules=linears))
    assert torch.equal(model(x, layer.initial_state(1), present(x))[0], before), "LoRA begins as the identity"
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    assert len(trained) == 2 * len(linears) > 0
    for name, value in trained.items():
        if "lora_B" in name:
            nn.init.normal_(value)
    y = model(x, layer.initial_state(1), present(x))[0]
    assert float((y - before).detach().abs().max()) > 1e-3
    y.square().sum().backward()
    assert all(value.grad is not None and value.grad.abs().max() > 0 for value in trained.values())


@pytest.mark.parametrize("kind", MIXERS)
def test_a_learned_state_is_tuned_alone(kind: str) -> None:
    """With all weights frozen, training the first state of any layer brings its output nearer to what is wanted."""
    torch.manual_seed(0)
    inner = mixer(kind).requires_grad_(False)
    layer: Any = LearnedState(inner)
    x, target = torch.randn(4, 12, WIDTH), torch.randn(1, 12, WIDTH)
    fresh = inner(x, inner.initial_state(4), present(x))[0]
    assert torch.equal(layer(x, layer.initial_state(4), present(x))[0], fresh), "it begins as the layer does"
    trained = [value for value in layer.parameters() if value.requires_grad]
    assert trained == list(layer.first)
    optimiser, losses = torch.optim.Adam(trained, lr=0.1), []
    for _ in range(20):
        loss = (layer(x, layer.initial_state(4), present(x))[0] - target).square().mean()
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    if kind == "attention":
        assert losses[-1] == losses[0], "nothing stands before the beginning that could be attended"
    else:
        assert losses[-1] < losses[0]


def test_a_stack_names_it_and_it_does_not_decay() -> None:
    data = {"d_model": WIDTH, "n_layers": 2, "mixers": [{"kind": "s4d", "d_state": 4}], "learned_state": True}
    stack = parse(StackConfig, data).build()
    firsts = [id(value) for name, value in stack.named_parameters() if ".first." in name]
    assert len(firsts) == 2
    groups = {group["name"]: {id(value) for value in group["params"]} for group in parameter_groups(stack, 1e-3, 0.1)}
    assert set(firsts) <= groups["vectors"]


@torch.no_grad()
def test_blocks_for_export_start_from_a_learned_state() -> None:
    """The layer of fixed blocks scales its state, so the learned one is scaled, too."""
    torch.manual_seed(0)
    stack: Any = StackConfig(d_model=WIDTH, n_layers=1, mixers=(S4DConfig(d_model=WIDTH),), learned_state=True).build()
    nn.init.normal_(stack.layers[0].mixer.first[0])
    fixed: Any = fixed_blocks(stack, 8)
    assert any(isinstance(part, FixedBlockMixer) for part in fixed.modules())
    assert not any(bool(part.any()) for part in tree_leaves(fixed.initial_state(2)))
    x = torch.randn(2, 8, WIDTH)
    assert_close(fixed(x, fixed.initial_state(2), present(x))[0], stack(x, stack.initial_state(2), present(x))[0])
