"""Both directions: the causal layer plus one that reads each row backwards within its own length."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from ssmphony.config import parse
from ssmphony.export import fixed as export_fixed
from ssmphony.export.fixed import FixedConvolution, FixedTwoSided, FourierBasis, fixed
from ssmphony.nn import (
    Bidirectional,
    BidirectionalConfig,
    CausalConvConfig,
    EncoderConfig,
)
from ssmphony.ssm import Mamba2Config, MambaConfig, S4Config, S4DConfig, TwoSidedStateSpace
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close

MIXERS = {"s4": S4Config(d_model=5, d_state=16), "s4d": S4DConfig(d_model=5, d_state=16)}
LENGTHS = torch.tensor([90, 41, 1])


@pytest.fixture(params=MIXERS)
def layer(request: pytest.FixtureRequest) -> TwoSidedStateSpace:
    torch.manual_seed(0)
    return BidirectionalConfig(mixer=MIXERS[request.param]).build().eval()


def padded_batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    mask = torch.arange(90) < LENGTHS[:, None]
    return torch.randn(3, 90, 5).masked_fill(~mask[..., None], float("nan")), mask


def test_equals_two_causal_layers_one_flipped_within_each_row(layer: TwoSidedStateSpace) -> None:
    """Flipping the padded batch as a whole, or forgetting to flip back, is the silent bug of other encoders."""
    x, mask = padded_batch()
    y = layer(x, mask)
    for row, length in enumerate(LENGTHS.tolist()):
        u = x[row, :length].T.unsqueeze(1)
        fresh = torch.zeros(5, 1, 16)
        forward, _ = layer.forward_kernel(u, fresh)
        backward, _ = layer.backward_kernel(u.flip(-1), fresh)
        expected = layer.output((forward + backward.flip(-1)).permute(1, 2, 0))
        assert_close(y[row : row + 1, :length], expected)


def test_both_directions_are_read(layer: TwoSidedStateSpace) -> None:
    x = torch.randn(1, 30, 5, requires_grad=True)
    y = layer(x, torch.ones(1, 30, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(y[:, 15].sum(), x)
    assert (gradient[0].abs().sum(-1) > 0).all()


def test_kernel_runs_from_the_most_negative_lag(layer: TwoSidedStateSpace) -> None:
    forward, backward = layer.forward_kernel.kernel(4), layer.backward_kernel.kernel(4)
    kernel = layer.kernel(4)
    assert kernel.shape == (5, 7)
    torch.testing.assert_close(kernel[:, :3], backward[:, 1:].flip(-1))
    torch.testing.assert_close(kernel[:, 3], forward[:, 0] + backward[:, 0])
    torch.testing.assert_close(kernel[:, 4:], forward[:, 1:])


def test_no_steps_is_an_error(layer: TwoSidedStateSpace) -> None:
    with pytest.raises(ValueError, match="at least one step"):
        layer(torch.zeros(1, 0, 5), torch.ones(1, 0, dtype=torch.bool))


@pytest.mark.parametrize(("max_length", "stored_length"), [(90, 1024), (101, 1024), (128, 1024), (101, 100)])
def test_fixed_equals_the_layer(
    layer: TwoSidedStateSpace, max_length: int, stored_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_fixed, "STORED_LENGTH", stored_length)
    x, mask = padded_batch()
    constant = fixed(layer, max_length)
    assert isinstance(constant, FixedTwoSided)
    assert not any(name.startswith("forward_kernel") for name, _ in constant.named_parameters())
    for stop in (90, 64, 3, 1):
        seen = mask[:, :stop]
        assert_close(constant(x[:, :stop], seen)[seen], layer(x[:, :stop], seen)[seen])


def test_fixed_refuses_what_it_was_not_made_for(layer: TwoSidedStateSpace) -> None:
    with pytest.raises(ValueError, match="fixed at 20"):
        fixed(layer, 20)(torch.zeros(1, 21, 5), torch.ones(1, 21, dtype=torch.bool))
    with pytest.raises(ValueError, match="40 lags"):
        FixedConvolution(torch.zeros(5, 30), FourierBasis(20))


@pytest.mark.integration
@pytest.mark.parametrize("stored_length", [0, 1024])
def test_fixed_encoder_exports_with_any_length(
    tmp_path: Path, stored_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ort = pytest.importorskip("onnxruntime")
    monkeypatch.setattr(export_fixed, "STORED_LENGTH", stored_length)
    torch.manual_seed(0)
    encoder = EncoderConfig(d_model=5, n_layers=2, mixers=(MIXERS["s4"],), d_ffn=4).build().eval()
    constant = fixed(encoder, 90)
    assert isinstance(encoder.get_submodule("0.mixer"), TwoSidedStateSpace), "the original is left as it was"
    x, mask = padded_batch()
    x = x.nan_to_num(7.0)
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time", max=90)
    shapes = ({0: batch, 1: time}, {0: batch, 1: time})
    program = torch.onnx.export(constant, (x, mask), dynamo=True, dynamic_shapes=shapes, verbose=False)
    assert program is not None
    program.save(tmp_path / "encoder.onnx")
    session = ort.InferenceSession(tmp_path / "encoder.onnx")
    names = [node.name for node in session.get_inputs()]
    for rows, stop in ((3, 90), (1, 37), (2, 1)):
        piece, seen = x[:rows, :stop], mask[:rows, :stop]
        (y,) = session.run(None, dict(zip(names, (piece.numpy(), seen.numpy()), strict=True)))
        assert_close(torch.from_numpy(y)[seen], encoder(piece, seen)[seen])


BOTH_WAYS = {
    "mamba": MambaConfig(d_model=5, d_state=3),
    "mamba2": Mamba2Config(d_model=5, d_state=3, head_dim=5),
    "causal_conv": CausalConvConfig(d_model=5),
}


@pytest.mark.parametrize("kind", BOTH_WAYS)
def test_both_ways_is_the_sum_of_two_readings_of_each_row_alone(kind: str) -> None:
    """Outputs and the gradients of everything; padding, NaN here, is never turned into a row."""
    torch.manual_seed(0)
    layer = BidirectionalConfig(mixer=BOTH_WAYS[kind]).build()
    assert isinstance(layer, Bidirectional)
    x, mask = padded_batch()
    x.requires_grad_()
    y = layer(x, mask)
    rows = []
    for row, length in enumerate(LENGTHS.tolist()):
        alone, seen = x[row : row + 1, :length], mask[row : row + 1, :length]
        ahead, _ = layer.forward_layer.forward(alone, layer.forward_layer.initial_state(1), seen)
        back, _ = layer.backward_layer.forward(alone.flip(1), layer.backward_layer.initial_state(1), seen)
        rows.append(ahead + back.flip(1))
        assert_close(y[row : row + 1, :length], rows[-1])
    wanted = [x, *layer.parameters()]
    mine = torch.autograd.grad(y[mask].square().sum(), wanted)
    theirs = torch.autograd.grad(sum((row.square().sum() for row in rows), torch.zeros(())), wanted)
    for a, b in zip(mine, theirs, strict=True):
        assert_close(a, b, 1e-4)


def test_an_encoder_from_a_config_reads_both_ways() -> None:
    torch.manual_seed(0)
    data = {"d_model": 6, "n_layers": 3, "mixers": ["mamba", {"kind": "s4", "d_state": 4}], "d_ffn": 8}
    encoder = parse(EncoderConfig, data).build().eval()
    assert [type(block.mixer).__name__ for block in encoder] == ["Bidirectional", "TwoSidedStateSpace", "Bidirectional"]
    x = torch.randn(2, 30, 6)
    mask = torch.arange(30) < torch.tensor([[30], [11]])
    y = encoder(x.masked_fill(~mask.unsqueeze(-1), 9.0), mask)
    assert_close(y[1:, :11], encoder(x[1:, :11], mask[1:, :11]))
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(encoder(x, mask)[0, 15].sum(), x)
    assert (gradient[0].abs().sum(-1) > 0).all()
    assert not gradient[1].any()


def test_what_looks_ahead_is_not_run_both_ways() -> None:
    ahead = {"kind": "causal_conv", "lookahead": 2}
    with pytest.raises(SsmphonyError, match="leave its lookahead out"):
        parse(EncoderConfig, {"d_model": 6, "n_layers": 1, "mixers": [ahead]})
    with pytest.raises(ValueError, match="looks ahead"):
        BidirectionalConfig(mixer=CausalConvConfig(d_model=6, lookahead=1)).build()
