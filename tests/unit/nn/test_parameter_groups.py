"""Optimiser groups: every parameter once, dynamics slow, no decay where it would harm."""

from __future__ import annotations

import pytest
from torch import nn

from ssmphony.nn import Block, parameter_groups
from ssmphony.ssm import S4Config


def test_groups_partition_the_parameters() -> None:
    block = Block(8, S4Config(d_model=8, d_state=4).build(), d_ffn=8)
    groups = {group["name"]: group for group in parameter_groups(block, lr=2e-3, weight_decay=0.05)}
    counted = [id(parameter) for group in groups.values() for parameter in group["params"]]
    assert sorted(counted) == sorted(id(parameter) for parameter in block.parameters())
    kernel = block.mixer.kernel  # type: ignore[union-attr]
    dynamics = [kernel.log_dt, kernel.log_neg_real, kernel.imag, kernel.p, kernel.b]
    assert {id(parameter) for parameter in groups["ssm"]["params"]} == {id(parameter) for parameter in dynamics}
    assert (groups["ssm"]["lr"], groups["ssm"]["weight_decay"]) == (pytest.approx(2e-4), 0.0)
    assert (groups["weights"]["lr"], groups["weights"]["weight_decay"]) == (2e-3, 0.05)
    assert groups["vectors"]["weight_decay"] == 0.0
    vectors = {id(parameter) for parameter in groups["vectors"]["params"]}
    assert {id(block.norm.weight), id(block.norm.bias), id(kernel.skip)} <= vectors


def test_rate_of_the_dynamics_is_capped() -> None:
    (ssm, *_) = parameter_groups(S4Config(d_model=4, d_state=4).build(), lr=0.5, weight_decay=0.0)
    assert ssm["lr"] == 1e-3


def test_shared_and_frozen_parameters() -> None:
    linear = nn.Linear(3, 3)
    linear.bias.requires_grad_(False)
    (group,) = parameter_groups([linear, linear], lr=1e-3, weight_decay=0.1)
    assert [id(parameter) for parameter in group["params"]] == [id(linear.weight)]
