"""A new sequence layer is one line in the registry, and everything that is built of layers takes it."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from ssmphony.config import Config, LayerConfig, parse
from ssmphony.export.fixed import fixed
from ssmphony.export.fixed_block import fixed_blocks
from ssmphony.interfaces import SequenceLayer
from ssmphony.models.lewm import LeWMConfig
from ssmphony.nn import MIXERS, Bidirectional, EncoderConfig, Mixer, StackConfig, parameter_groups
from ssmphony.ssm import S4DConfig
from ssmphony.types import SsmphonyError
from tests.contract import contract


class Average(SequenceLayer, nn.Module):
    """A leaky average of the past, one decay a channel."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.log_rate = nn.Parameter(torch.zeros(d_model))
        self.gain = nn.Parameter(torch.ones(d_model))

    def slow_parameters(self) -> tuple[str, ...]:
        return ("log_rate",)

    def fixed_length(self, max_length: int) -> nn.Module:
        return Fixed(max_length)

    def fixed_block(self, steps: int) -> nn.Module:
        return Fixed(steps)

    def initial_state(self, batch: int) -> Tensor:
        return self.gain.new_zeros(batch, len(self.gain))

    def forward(self, x: Tensor, state: Tensor, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
        share = torch.sigmoid(self.log_rate)
        outputs: list[Tensor] = []
        for step in range(x.shape[1]):
            if reset is not None:
                state = state.masked_fill(reset[:, step, None], 0.0)
            state = torch.where(mask[:, step, None], share * state + (1.0 - share) * x[:, step], state)
            outputs.append(self.gain * state)
        return torch.stack(outputs, dim=1), state


class Fixed(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


class AverageConfig(LayerConfig):
    kind: Literal["average"] = "average"

    def build(self) -> Average:
        return Average(self.d_model)


@pytest.fixture
def average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MIXERS, "average", AverageConfig)


@pytest.mark.usefixtures("average")
def test_a_stack_of_a_new_layer() -> None:
    torch.manual_seed(0)
    stack = parse(StackConfig, {"d_model": 4, "n_layers": 2, "mixers": ["average", "s4d"], "d_ffn": 6}).build().eval()
    stream = contract.layer_stream(stack, 4)
    with torch.no_grad():
        contract.check_chunkings(stream)
    contract.check_causality(stream)
    contract.check_slots(stream)
    contract.check_resets(stack, 4)
    (slow,) = (group for group in parameter_groups(stack, 1e-3, 0.1) if group["name"] == "ssm")
    assert any(parameter is stack.get_submodule("layers.0.mixer").log_rate for parameter in slow["params"])


@pytest.mark.usefixtures("average")
def test_an_encoder_of_a_new_layer() -> None:
    encoder = parse(EncoderConfig, {"d_model": 4, "n_layers": 1, "mixers": ["average"]}).build()
    assert isinstance(encoder.get_submodule("0.mixer"), Bidirectional)
    x, mask = torch.randn(1, 5, 4, requires_grad=True), torch.ones(1, 5, dtype=torch.bool)
    (gradient,) = torch.autograd.grad(encoder(x, mask)[0, 2].square().sum(), x)
    assert (gradient[0].abs().sum(-1) > 0).all()


@pytest.mark.usefixtures("average")
def test_a_model_of_a_new_layer() -> None:
    config = LeWMConfig.tiny(10)["mamba"].model_dump() | {"mixer": "average", "text_mixer": "average"}
    model = parse(LeWMConfig, config)
    assert model.mixer == model.text_mixer == AverageConfig(d_model=model.d_model)
    assert parse(LeWMConfig, model.model_dump(mode="json")) == model, "its settings are stored whole"


@pytest.mark.parametrize("form", [lambda module: fixed(module, 9), lambda module: fixed_blocks(module, 9)])
def test_a_new_layer_brings_its_form_for_export(form: Any) -> None:
    model = nn.Sequential(nn.ModuleDict({"mixer": Average(4)}))
    assert form(model).get_submodule("0.mixer").size == 9
    assert isinstance(model.get_submodule("0.mixer"), Average), "the original is left as it was"
    assert form(Average(4)).size == 9


class Around(Config):
    d_model: int
    mixer: Mixer


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        (StackConfig, {"mixers": ["s5"]}, "unknown kind of layer 's5', did you mean 's4'"),
        (StackConfig, {"mixers": [{"kind": "s4d", "d_stat": 3}]}, r"'mixers.0.d_stat', did you mean 'd_state'"),
        (
            StackConfig,
            {"mixers": [{"kind": "s4d", "d_model": 5}]},
            "layer 's4d' has d_model 5, but the model around it 4",
        ),
        (StackConfig, {"mixers": [S4DConfig(d_model=5)]}, "layer 's4d' has d_model 5, but the model around it 4"),
        (StackConfig, {"mixers": []}, "at least 1"),
        (Around, {"mixer": {"d_model": 4}}, "unknown kind of layer 'none'"),
        (Around, {"mixer": 7}, "mixer"),
    ],
)
def test_wrong_settings_are_one_line(config: type[Config], data: dict[str, Any], message: str) -> None:
    given = {"d_model": 4, "n_layers": 1, **data} if config is StackConfig else {"d_model": 4, **data}
    with pytest.raises(SsmphonyError, match=message) as error:
        parse(config, given)
    assert "\n" not in str(error.value)
