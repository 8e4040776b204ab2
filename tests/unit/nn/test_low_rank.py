"""Low-rank adapters start at the layer they adapt, train alone, and merge into it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ssmphony.nn.low_rank import add_low_rank, merged_tensors


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3, bias=False))


def trained(model: nn.Sequential) -> nn.Sequential:
    """Adapted in both layers, after three steps."""
    for layer in (model[0], model[2]):
        add_low_rank(layer, 2, 4.0)  # type: ignore[arg-type]
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(learning, 0.5)
    for _ in range(3):
        optimiser.zero_grad()
        model(torch.ones(4, 6)).square().sum().backward()
        optimiser.step()
    return model


def test_an_adapter_starts_as_the_layer(model: nn.Sequential) -> None:
    x = torch.randn(2, 6)
    before = model(x)
    add_low_rank(model[0], 2, 4.0)  # type: ignore[arg-type]
    assert torch.equal(model(x), before)


def test_only_adapters_are_trained(model: nn.Sequential) -> None:
    plain = copy.deepcopy(model)
    trained(model)
    assert not torch.equal(model[0].weight, plain[0].weight)  # type: ignore[arg-type]
    assert torch.equal(model[0].parametrizations.weight.original, plain[0].weight)  # type: ignore[union-attr, index]
    assert torch.equal(model[0].bias, plain[0].bias)  # type: ignore[arg-type]


def test_a_second_adapter_is_not_added(model: nn.Sequential) -> None:
    names = list(trained(model).state_dict())
    add_low_rank(model[0], 2, 4.0)  # type: ignore[arg-type]
    assert list(model.state_dict()) == names


def test_merged_tensors_equal_the_adapted_module(model: nn.Sequential) -> None:
    plain, x = copy.deepcopy(model), torch.randn(7, 6)
    adapted = trained(model)(x)
    plain.load_state_dict(merged_tensors(model.state_dict()))
    torch.testing.assert_close(plain(x), adapted, atol=1e-6, rtol=1e-6)


def test_tensors_without_adapters_stay_as_they_are(model: nn.Sequential) -> None:
    state = model.state_dict()
    assert {name: id(value) for name, value in merged_tensors(state).items()} == {k: id(v) for k, v in state.items()}
