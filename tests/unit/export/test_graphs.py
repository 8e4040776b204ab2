"""Graphs are checked for the lengths that they promise, with values that the example vouches for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmphony.export.graphs import write_graph
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.runtime.graph import Graph
from ssmphony.types import SsmphonyError

pytestmark = pytest.mark.integration


class Look(nn.Module):
    """A table of one row, which any index but 0 is outside of."""

    def __init__(self, unrolled: bool) -> None:
        super().__init__()
        self.table, self.unrolled = nn.Embedding(1, 3), unrolled

    def forward(self, row: Tensor, x: Tensor) -> Tensor:
        total = self.table(row)[:, None] + x
        if self.unrolled:
            total = torch.stack([total[:, step] for step in range(x.shape[1])], dim=1)
        return total.cumsum(dim=1)


def spec(unrolled: bool, multiple: int = 1) -> GraphSpec:
    inputs = {"row": torch.zeros(2, dtype=torch.long), "x": torch.zeros(2, 4, 3)}
    return GraphSpec("look", Look(unrolled), inputs, ("y",), {"x": {1: Axis("time", max_length=50, multiple=multiple)}})


@pytest.mark.parametrize("multiple", [1, 2])
def test_any_length_is_taken(multiple: int, tmp_path: Path) -> None:
    declared = spec(False, multiple)
    graph = Graph(write_graph(declared, tmp_path).read_bytes(), "look", 1)
    x = np.random.default_rng(0).standard_normal((3, 12, 3)).astype(np.float32)
    (y,), _ = graph.run({"row": np.zeros(3, np.int64), "x": x})
    with torch.no_grad():
        expected = declared.module(torch.zeros(3, dtype=torch.long), torch.from_numpy(x))
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_tensor_may_be_an_output_and_the_state(tmp_path: Path) -> None:
    class Sum(nn.Module):
        def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            total = state + x
            return total, total

    declared = GraphSpec("sum", Sum(), {"x": torch.zeros(2, 3)}, ("y",), state=torch.zeros(2, 3))
    graph = Graph(write_graph(declared, tmp_path).read_bytes(), "sum", 1)
    state = graph.initial_state(1)
    for step in range(1, 4):
        (y,), state = graph.run({"x": np.ones((1, 3), np.float32)}, state)
        assert (y == step).all()


def test_an_unrolled_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="look cannot be exported for inputs of any length"):
        write_graph(spec(True), tmp_path)
