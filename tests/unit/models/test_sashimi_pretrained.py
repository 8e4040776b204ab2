"""SaShiMi from published names: the same function as the equations over those weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.models.sashimi_pretrained import load_sashimi
from ssmphony.ssm.pretrained_s4 import load_s4
from ssmphony.types import SsmphonyError

D, POOLS, BLOCKS, STATES = 4, (2, 3), 2, 3


def published(prefix: str = "model.") -> dict[str, Tensor]:
    """Random weights under the names of state-spaces/s4, at tiny size."""
    random = torch.Generator().manual_seed(0)

    def new(*shape: int) -> Tensor:
        return 0.5 * torch.randn(*shape, generator=random)

    found: dict[str, Tensor] = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = new(outputs, inputs, 1), new(outputs)

    def norm(name: str, width: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = 1 + new(width), new(width)

    def blocks(name: str, width: int, first: int) -> None:
        for block in range(BLOCKS):
            s4, ff = f"{name}.{first + 2 * block}", f"{name}.{first + 2 * block + 1}"
            norm(f"{s4}.norm", width)
            norm(f"{ff}.norm", width)
            layer = f"{s4}.layer.layer"
            found.update({f"{layer}.D": new(1, width), f"{layer}.kernel.inv_dt": new(width, 1) - 4.0})
            found.update({f"{layer}.kernel.A_real": new(1, STATES), f"{layer}.kernel.A_imag": new(1, STATES)})
            for part in ("C", "B", "P"):
                found[f"{layer}.kernel.{part}"] = new(1, width if part == "C" else 1, STATES, 2)
            found[f"{layer}.kernel.l_kernel"] = torch.tensor(0)
            linear(f"{s4}.layer.output_linear.0", width, 2 * width)
            linear(f"{ff}.layer.ff.0.0", width, 2 * width)
            linear(f"{ff}.layer.ff.2", 2 * width, width)

    widths = [D, 2 * D, 4 * D]
    for rate, pool in enumerate(POOLS):
        linear(f"d_layers.{rate}.linear", widths[rate] * pool, widths[rate + 1])
        linear(f"u_layers.{1 - rate}.0.linear", widths[rate + 1], widths[rate] * pool)
        blocks(f"u_layers.{1 - rate}", widths[rate], 1)
    blocks("c_layers", widths[2], 0)
    norm("norm", D)
    found = {prefix + name: value for name, value in found.items()}
    head = {"decoder.0.output_transform.weight": new(256, D), "decoder.0.output_transform.bias": new(256)}
    return found | {"encoder.0.weight": new(256, D)} | head


def equations(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published forward pass, in the order of its paper; x and result (batch, time, D)."""
    own = {name.removeprefix("model."): value for name, value in weights.items()}

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, own[f"{name}.weight"][..., 0], own[f"{name}.bias"])

    def norm(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], own[f"{name}.weight"], own[f"{name}.bias"])

    def blocks(name: str, x: Tensor, first: int) -> Tensor:
        for block in range(BLOCKS):
            s4, ff = f"{name}.{first + 2 * block}", f"{name}.{first + 2 * block + 1}"
            layer = load_s4(own, f"{s4}.layer.")
            mask = torch.ones(x.shape[:2], dtype=torch.bool)
            x = x + layer(norm(f"{s4}.norm", x), layer.initial_state(len(x)), mask)[0]
            x = x + linear(f"{ff}.layer.ff.2", F.gelu(linear(f"{ff}.layer.ff.0.0", norm(f"{ff}.norm", x))))
        return x

    inputs = [x]
    for rate, pool in enumerate(POOLS):
        pooled = inputs[-1].unflatten(1, (-1, pool)).transpose(2, 3).flatten(2)  # channel-major, as theirs
        inputs.append(linear(f"d_layers.{rate}.linear", pooled))
    y = blocks("c_layers", inputs[2], 0) + inputs[2]
    for place, rate in enumerate((1, 0)):
        up = F.pad(linear(f"u_layers.{place}.0.linear", y)[:, :-1], (0, 0, 1, 0))
        x = up.unflatten(2, (-1, POOLS[rate])).transpose(2, 3).flatten(1, 2) + inputs[rate]
        y = blocks(f"u_layers.{place}", x, 1) + x
    return norm("norm", y)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_it_computes_what_the_published_code_does(prefix: str) -> None:
    weights = published(prefix)
    model = load_sashimi(weights).eval()
    x = torch.randn(2, 18, D)
    expected = equations(weights, x)
    torch.testing.assert_close(model.norm(model.whole(x)), expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(model.embedding.weight, weights["encoder.0.weight"])
    logits = F.linear(
        expected, weights["decoder.0.output_transform.weight"], weights["decoder.0.output_transform.bias"]
    )
    torch.testing.assert_close(model.read(model.whole(x)), logits, atol=1e-5, rtol=1e-4)


def test_its_config_builds_the_same_model() -> None:
    model = load_sashimi(published())
    again = model.config.build()
    again.load_state_dict(model.state_dict())
    assert model.config.feed_forward == "gelu"
    assert model.config.pools == POOLS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.pop("model.norm.weight"), "no weights of SaShiMi"),
        (lambda found: found.pop("model.c_layers.1.layer.ff.2.bias"), "c_layers.1.layer.ff.2.bias"),
        (lambda found: found.update({"model.extra": torch.zeros(1)}), "'extra' is unknown"),
        (lambda found: found.update({"model.d_layers.1.linear.bias": torch.zeros(3)}), "has shape"),
    ],
)
def test_weights_that_do_not_fit_are_named(change: object, message: str) -> None:
    weights = published()
    change(weights)  # type: ignore[operator]
    with pytest.raises(SsmphonyError, match=message):
        load_sashimi(weights)
