"""Published Mamba weights, loaded by name: the same outputs as `transformers`, whole, in blocks and step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ssmphony.ssm.pretrained import load_mamba, load_mamba2
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close, layer_stream, speak

pytest.importorskip("transformers", exc_type=ImportError)
from transformers import DynamicCache, Mamba2Config, MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

D_MODEL = 12


def mamba(bias: bool = False) -> tuple[Any, Any]:
    config = MambaConfig(
        hidden_size=D_MODEL, state_size=5, conv_kernel=3, time_step_rank=2, num_hidden_layers=1, use_bias=bias
    )
    return MambaMixer(config, 0).eval(), config


def mamba2(groups: int = 2, bias: bool = False) -> tuple[Any, Any]:
    config = Mamba2Config(
        hidden_size=D_MODEL,
        state_size=6,
        num_heads=6,
        head_dim=4,
        n_groups=groups,
        chunk_size=16,
        num_hidden_layers=1,
        use_bias=bias,
        use_conv_bias=not bias,
    )
    return Mamba2Mixer(config, 0).eval(), config


def scatter(mixer: Any) -> None:
    """Random weights everywhere, also where the initialisation is constant."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))


CASES: dict[str, tuple[Callable[[], tuple[Any, Any]], Callable[[Any], Any]]] = {
    "mamba": (mamba, load_mamba),
    "mamba with biases": (lambda: mamba(bias=True), load_mamba),
    "mamba2": (mamba2, lambda weights: load_mamba2(weights, n_groups=2)),
    "mamba2 with other biases": (lambda: mamba2(1, bias=True), lambda weights: load_mamba2(weights, n_groups=1)),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_same_outputs(case: str) -> None:
    make, load = CASES[case]
    torch.manual_seed(0)
    theirs, config = make()
    scatter(theirs)
    ours = load(theirs.state_dict()).eval()
    x = torch.randn(2, 41, D_MODEL)
    expected = theirs(x)
    stream = layer_stream(ours, D_MODEL)
    for cuts in ([], [1, 2, 20, 37], list(range(1, 41))):
        assert_close(speak(stream, x, cuts=cuts), expected)
    assert_close(stepped(theirs, config, x), expected)


def stepped(theirs: Any, config: Any, x: Tensor) -> Tensor:
    """Their own prefill of seven steps, then one at a time: that their state is what ours is."""
    cache = DynamicCache(config=config)
    first = theirs(x[:, :7], cache_params=cache)
    return torch.cat([first, *(theirs(x[:, [step]], cache_params=cache) for step in range(7, x.shape[1]))], dim=1)


@torch.no_grad()
def test_their_mamba_forgets_between_blocks_and_ours_does_not() -> None:
    """transformers' Mamba-1 starts the scan of every block of more than one step from zero."""
    torch.manual_seed(0)
    theirs, config = mamba()
    scatter(theirs)
    x = torch.randn(1, 40, D_MODEL)
    whole, cache = theirs(x), DynamicCache(config=config)
    blocks = torch.cat([theirs(x[:, :20], cache_params=cache), theirs(x[:, 20:], cache_params=cache)], dim=1)
    assert_close(blocks[:, :20], whole[:, :20])
    assert float((blocks - whole)[:, 20:].abs().max()) > 1e-3
    ours = load_mamba(theirs.state_dict()).eval()
    assert_close(speak(layer_stream(ours, D_MODEL), x, cuts=[20]), whole)


def test_a_layer_of_a_whole_model() -> None:
    weights = {f"backbone.layers.3.mixer.{name}": value for name, value in mamba()[0].state_dict().items()}
    layer = load_mamba(weights | {"backbone.embeddings.weight": torch.zeros(2)}, "backbone.layers.3.mixer.")
    assert torch.equal(layer.A_log, weights["backbone.layers.3.mixer.A_log"])
    with pytest.raises(SsmphonyError, match="no weights start with 'model'"):
        load_mamba(weights, "model")


def changed(**change: Tensor | None) -> dict[str, Tensor]:
    merged = mamba2()[0].state_dict() | {name.replace("__", "."): value for name, value in change.items()}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda: changed(D=None), "need 'D'"),
        (lambda: changed(extra=torch.zeros(1)), "'extra' is unknown"),
        (lambda: changed(conv1d__weight=None), "need 'conv.weight'"),
        (lambda: changed(dt_bias=torch.zeros(7)), "'dt_bias' does not fit"),
        (lambda: changed(A_log=torch.zeros(7)), r"'A_log' has shape \(7,\)"),
        (lambda: mamba()[0].state_dict(), "another kind"),
    ],
)
def test_what_does_not_fit_is_named(weights: Callable[[], dict[str, Tensor]], message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        load_mamba2(weights(), n_groups=2)


@torch.no_grad()
def test_a_mixer_brings_its_config() -> None:
    """Groups, the norm's epsilon and bounds of the steps are read from it."""
    torch.manual_seed(0)
    config = Mamba2Config(
        hidden_size=D_MODEL, state_size=6, num_heads=6, head_dim=4, n_groups=2, chunk_size=16, num_hidden_layers=1,
        time_step_limit=(0.02, 0.05), layer_norm_epsilon=0.1,
    )  # fmt: skip
    theirs = Mamba2Mixer(config, 0).eval()
    scatter(theirs)
    x = torch.randn(2, 30, D_MODEL)
    expected = theirs(x)
    for ours in (load_mamba2(theirs), load_mamba2(theirs.state_dict(), config=config.to_dict())):
        assert ours.config.n_groups == 2
        assert ours.config.dt_limit == (0.02, 0.05)
        assert_close(speak(layer_stream(ours.eval(), D_MODEL), x), expected)


def test_groups_are_not_guessed() -> None:
    with pytest.raises(SsmphonyError, match="pass n_groups, or config"):
        load_mamba2(mamba2()[0].state_dict())
    with pytest.raises(SsmphonyError, match="no multiple of"):
        load_mamba2(mamba2()[0].state_dict(), n_groups=5)
    ngroups = {"ssm_cfg": {"layer": "Mamba2", "ngroups": 2, "norm_before_gate": True}}
    assert load_mamba2(mamba2()[0].state_dict(), config=ngroups).config.norm_before_gate


def test_falcon_mamba_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Its norms hold no weights: only its config tells it from Mamba."""
    from transformers import FalconMambaConfig

    config, mixer = FalconMambaConfig(hidden_size=D_MODEL), mamba()[0]
    for arguments in ((mixer.state_dict(), "", config), (mixer.state_dict(), "", config.to_dict())):
        with pytest.raises(SsmphonyError, match="model 'falcon_mamba', which computes another layer than 'mamba'"):
            load_mamba(*arguments)
    load_mamba(mixer)
    assert not caplog.records
    load_mamba(mixer.state_dict())
    assert "pass config, FalconMamba's have the same names" in caplog.text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_act": "gelu"}, "the config says 'gelu'"),
        ({"model_type": "jamba"}, "model 'jamba'"),
        ({"ssm_cfg": {"layer": "Mamba2"}}, "model 'mamba2'"),
    ],
)
def test_configs_of_other_layers(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        load_mamba(mamba()[0].state_dict(), config=config)
