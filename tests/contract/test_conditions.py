"""Mixed speakers and references through a model of each family, in PyTorch and as graphs, defined here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmphony.export.graphs import write_graph
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import Advance, AutoregressiveModel
from ssmphony.models.graph_inputs import graph_inputs
from ssmphony.models.parallel import FRAME_FEATURES, ParallelModel
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.runtime.graph import Graph
from ssmphony.runtime.parallel import ParallelRuntime
from ssmphony.types import Reference, ReferenceInput, SsmphonyError, Style, Tokens
from tests.contract.contract import assert_close

D, CHANNELS = 6, 3
SPEAKERS = ("alpha", "beta", "omega")
CLIP = Reference({"frames": np.random.default_rng(0).standard_normal((4, CHANNELS)).astype(np.float32)})
LONG_CLIP = Reference({"frames": np.random.default_rng(1).standard_normal((11, CHANNELS)).astype(np.float32)})
STYLES = (
    Style(),
    Style(speaker="omega", reference=CLIP),
    Style(speaker="alpha:0.7,omega:0.3", speed=1.5, reference=LONG_CLIP),
)
BATCH = (Tokens((1, 4, 5, 2), tuple("xxxx")), Tokens((1, 3, 2), tuple("xxx")), Tokens((1, 2), tuple("xx")))


class Text(nn.Module):
    """Tokens + the weighted rows of the speaker table + the mean of what is there of a reference."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.speakers = nn.Embedding(9, D), nn.Embedding(len(SPEAKERS), D)
        self.clip = nn.Linear(CHANNELS, D, bias=False)

    def forward(self, inputs: ModelInputs) -> Tensor:
        """(batch, token, D)."""
        frames, mask = inputs.reference["frames"], inputs.reference["frames_mask"]
        mean = (frames * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        speaker = inputs.speaker @ self.speakers.weight
        return (self.symbols(inputs.ids) + (speaker + self.clip(mean))[:, None]) * inputs.mask[..., None]


class Together(ParallelModel):
    """Frames of a parallel model: a leaky sum of what it read."""

    capabilities = frozenset({"mix", "reference", "speed"})
    reference_inputs = (ReferenceInput("frames", CHANNELS, 16),)
    block, lookahead, max_tokens, speaker_names, encoded_channels = 4, 0, 16, SPEAKERS, D
    reads = ("ids", "mask", "speaker")

    def __init__(self) -> None:
        super().__init__()
        self.text, self.duration = Text(), nn.Linear(D, 1)
        self.head = nn.Linear(D + FRAME_FEATURES, CHANNELS)

    def read(self, inputs: ModelInputs) -> tuple[Tensor, Tensor]:
        h = self.text(inputs)
        return h, 1.0 + torch.tanh(self.duration(h))[..., 0]

    def initial_frames(self, batch: int) -> Tensor:
        return torch.zeros(batch, CHANNELS)

    def frames(self, x: Tensor, mask: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        made = (state[:, None] + torch.cumsum(self.head(x) * mask[..., None], dim=1)) * 0.1
        return made, made[:, -1] * 10


class OneByOne(AutoregressiveModel):
    """Frames of an autoregressive model: each from the last and the mean of what it read."""

    capabilities = frozenset({"mix", "reference"})
    reference_inputs = (ReferenceInput("frames", CHANNELS, 16),)
    block, max_tokens, speaker_names = 4, 16, SPEAKERS

    def __init__(self) -> None:
        super().__init__()
        self.text, self.cell = Text(), nn.Linear(D + CHANNELS, CHANNELS)

    def encode(self, inputs: ModelInputs) -> tuple[Tensor]:
        return (self.text(inputs)[:, None],)

    def initial_layers(self, batch: int) -> Tensor:
        return torch.zeros(batch, CHANNELS)

    def start_frame(self) -> Tensor:
        return torch.zeros(CHANNELS)

    def max_frames(self, mask: Tensor) -> Tensor:
        return 4 * mask.sum(1)

    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any,
        noise: Tensor | None = None,
    ) -> Advance:  # fmt: skip
        text = memory[0].sum(dim=(1, 2)) / present.sum(1, keepdim=True).clamp(min=1)
        layers = torch.tanh(0.5 * layers + self.cell(torch.cat([text, frame], dim=1)))
        token = torch.minimum(token + 0.25, (present.sum(1) - 1).clamp(min=0))
        return Advance(layers, token, torch.zeros_like(position, dtype=torch.bool), layers)


MODELS = {"parallel": Together, "autoregressive": OneByOne}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(3)
    return MODELS[request.param]().eval()


def speak(model: Any, batch: tuple[Tokens, ...], styles: tuple[Style, ...]) -> list[np.ndarray]:
    """The frames (n, channel) of each sentence."""
    rows: list[list[np.ndarray]] = [[] for _ in batch]
    with torch.no_grad():
        state = model.begin(batch, styles)
        for _ in range(12):
            frames, state = model.step(state)
            for row, length in enumerate(np.asarray(frames.lengths)):
                rows[row].append(np.asarray(frames.values)[row, :length])
    return [np.concatenate(row) for row in rows]


def test_a_mix_lies_between_its_speakers_and_a_reference_has_an_effect(model: Any) -> None:
    def first(style: Style) -> np.ndarray:
        return speak(model, BATCH[:1], (style,))[0][:1]

    with torch.no_grad():
        rows = cast("Text", model.text).speakers.weight
        mixed = 0.7 * rows[0] + 0.3 * rows[2]
        expected = first(Style(speaker="alpha:0.7,omega:0.3"))
        rows[1] = mixed
    np.testing.assert_allclose(first(Style(speaker="beta")), expected, atol=1e-6)
    np.testing.assert_array_equal(first(Style()), first(Style(speaker="alpha")))
    assert np.abs(first(Style()) - first(Style(speaker="omega"))).max() > 1e-3
    assert np.abs(first(Style()) - first(Style(reference=CLIP))).max() > 1e-3


def test_a_batch_is_its_members(model: Any) -> None:
    """References of other lengths, and none, share a batch."""
    together = speak(model, BATCH, STYLES)
    for tokens, style, frames in zip(BATCH, STYLES, together, strict=True):
        assert_close(torch.from_numpy(speak(model, (tokens,), (style,))[0]), torch.from_numpy(frames))


@pytest.mark.integration
def test_graphs_take_weights_and_references(model: Any, tmp_path: Path) -> None:
    graphs = [Graph(write_graph(spec, tmp_path).read_bytes(), spec.name, 1) for spec in model.graphs()]
    assert graphs[0].inputs == ("ids", "mask", "speaker_weights", "reference_frames", "reference_frames_mask")
    settings: dict[str, Any] = {
        "block": model.block,
        "speakers": SPEAKERS,
        "capabilities": model.capabilities,
        "reference_inputs": model.reference_inputs,
    }
    if model.family == "parallel":
        exported: Any = ParallelRuntime(*graphs, lookahead=0, **settings)
    else:
        exported = AutoregressiveRuntime(*graphs, **settings)
    for expected, frames in zip(speak(model, BATCH, STYLES), speak(exported, BATCH, STYLES), strict=True):
        np.testing.assert_allclose(frames, expected, atol=1e-5)
    with pytest.raises(SsmphonyError, match="unknown speaker 'gamma'"):
        exported.begin(BATCH[:1], (Style(speaker="alpha,gamma"),))


def test_an_input_of_a_sentence_has_no_axis_of_tokens() -> None:
    inputs, axes = graph_inputs(Together(), ("ids", "seeds"), 16)
    assert list(inputs) == ["ids", "seeds", "reference_frames", "reference_frames_mask"]
    assert axes.keys() == {"ids", "reference_frames", "reference_frames_mask"}
