"""Frames of codes: an autoregressive model with two codebooks and a codec that returns samples, defined here, in
PyTorch and as graphs. Nothing of the project knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssmphony.codecs.codec import SamplesCodec
from ssmphony.export.graphs import write_graph
from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import Advance, AutoregressiveModel
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.runtime.graph import Graph
from ssmphony.runtime.samples_codec import SamplesDecoder
from ssmphony.sampling import Sampler
from ssmphony.types import FrameGrid, Style, Tokens

CODEBOOKS, D, HOP = (11, 7), 8, 4
SAMPLER = Sampler(temperature=0.9, top_k=5, top_p=0.95, repetition_penalty=1.3, repetition_window=4)
BATCH = (Tokens((1, 4, 5, 2), tuple("xxxx")), Tokens((1, 2), tuple("xx")), Tokens((), ()))
STYLES = (Style(seed=3), Style(seed=4, speaker="other"), Style())


class Codes(AutoregressiveModel):
    """A recurrent step over the last frame and the mean of the text."""

    block, max_tokens, speaker_names, codebooks, sampler = 5, 16, ("own", "other"), CODEBOOKS, SAMPLER

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.speakers = nn.Embedding(9, D), nn.Embedding(2, D)
        self.enter = nn.ModuleList(nn.Embedding(size, D) for size in CODEBOOKS)
        self.cell, self.inner = nn.Linear(3 * D, D), nn.Linear(2 * D, D)
        self.first, self.next = nn.Linear(D, CODEBOOKS[0] + 1), nn.Linear(D, max(CODEBOOKS))

    def encode(self, inputs: ModelInputs) -> tuple[Tensor]:
        return ((self.symbols(inputs.ids) + self.speakers(inputs.speaker)[:, None])[:, None],)

    def initial_layers(self, batch: int) -> Tensor:
        return torch.zeros(batch, D)

    def start_frame(self) -> Tensor:
        return torch.zeros(2, dtype=torch.long)

    def max_frames(self, mask: Tensor) -> Tensor:
        return 3 + 6 * mask.sum(1)

    def advance(
        self, frame: Tensor, position: Tensor, token: Tensor, memory: Any, present: Tensor, layers: Any,
        noise: Tensor | None = None,
    ) -> Advance:  # fmt: skip
        weights = present[:, None, : memory[0].shape[2], None] / present.sum(1).clamp(min=1)[:, None, None, None]
        text = (memory[0] * weights).sum(dim=(1, 2))
        heard = sum(table(code) for table, code in zip(self.enter, frame.unbind(1), strict=True))
        layers = torch.tanh(self.cell(torch.cat([layers, text, heard], dim=1)))
        token = torch.minimum(token + 0.3, (present.sum(1) - 1).clamp(min=0))
        return Advance(self.first(layers), token, torch.zeros_like(position, dtype=torch.bool), layers, layers)

    def initial_codes(self, batch: int) -> Tensor:
        return torch.zeros(batch, D)

    def next_code(self, hidden: Tensor, code: Tensor, codebook: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = torch.tanh(self.inner(torch.cat([state + hidden, self.enter[0](code)], dim=1)))
        return self.next(state) * codebook[:, None], state


class Bleeps(SamplesCodec):
    """Four samples a frame, from its codes and those of the frame before."""

    grid, lookahead = FrameGrid(100, HOP, 2, CODEBOOKS), 0

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, HOP) for size in CODEBOOKS)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 1, HOP)

    def decode(self, frames: Tensor, mask: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        parts = [table(code) for table, code in zip(self.tables, frames.unbind(2), strict=True)]
        now = torch.stack(parts).sum(0) * mask[..., None]
        every = torch.cat([state, now], dim=1)
        return (0.1 * (every[:, 1:] + every[:, :-1])).flatten(1), every[:, -1:]

    def encode(self, samples: Tensor) -> Tensor:
        raise NotImplementedError


@pytest.fixture(scope="module")
def model() -> Codes:
    torch.manual_seed(1)
    made = Codes().eval()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.7)
    return made


def speak(model: Any, batch: tuple[Tokens, ...], styles: tuple[Style, ...]) -> list[np.ndarray]:
    """The frames (n, codebook) of each sentence."""
    with torch.no_grad():
        state = model.begin(batch, styles)
        rows: list[list[np.ndarray]] = [[] for _ in batch]
        for _ in range(20):
            frames, state = model.step(state)
            for row, length in enumerate(np.asarray(frames.lengths)):
                rows[row].append(np.asarray(frames.values)[row, :length])
    assert bool(np.asarray(state.done).all())
    return [np.concatenate(row) for row in rows]


def runtime(model: Codes, folder: Path) -> AutoregressiveRuntime:
    graphs = [Graph(write_graph(spec, folder).read_bytes(), spec.name, 1) for spec in model.graphs()]
    assert [graph.name for graph in graphs] == ["encoder", "predictor", "codes"]
    return AutoregressiveRuntime(
        *graphs, block=5, speakers=model.speaker_names, codebooks=CODEBOOKS, sampler=model.sampler
    )


def test_codes_are_below_their_codebooks_and_end(model: Codes) -> None:
    spoken = speak(model, BATCH, STYLES)
    assert [frames.shape[1] for frames in spoken] == [2, 2, 2]
    assert len(spoken[2]) == 0
    many = [frames for seed in range(40) for frames in speak(model, BATCH[:1], (Style(seed=seed),))]
    codes = np.concatenate(many)
    assert codes.min() >= 0
    assert (codes.max(axis=0) < CODEBOOKS).all()
    assert len({tuple(frame) for frame in codes}) > 10
    assert min(map(len, many)) < max(map(len, many)) <= 3 + 6 * 4, "some end by themselves"


def test_a_batch_is_its_members_and_a_seed_is_a_sound(model: Codes) -> None:
    together = speak(model, BATCH, STYLES)
    for tokens, style, frames in zip(BATCH, STYLES, together, strict=True):
        np.testing.assert_array_equal(speak(model, (tokens,), (style,))[0], frames)
    assert any(len(a) != len(b) or (a != b).any() for a, b in [speak(model, BATCH[:1] * 2, (Style(), Style(seed=9)))])


def test_a_penalty_makes_codes_repeat_less(model: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    def repeated(sampler: Sampler) -> float:
        monkeypatch.setattr(model, "sampler", sampler)
        spoken = [speak(model, BATCH[:1], (Style(seed=seed),))[0] for seed in range(20)]
        return float(np.mean([(frames[1:] == frames[:-1]).mean() for frames in spoken if len(frames) > 1]))

    assert repeated(Sampler(repetition_penalty=50.0, repetition_window=2)) < repeated(Sampler()) / 2


@pytest.mark.integration
def test_graphs_draw_the_same_codes(model: Codes, tmp_path: Path) -> None:
    exported = runtime(model, tmp_path)
    for expected, frames in zip(speak(model, BATCH, STYLES), speak(exported, BATCH, STYLES), strict=True):
        assert frames.dtype == np.int64
        np.testing.assert_array_equal(frames, expected)


@pytest.mark.integration
def test_codes_become_samples(model: Codes, tmp_path: Path) -> None:
    torch.manual_seed(0)
    codec = Bleeps().eval()
    (spec,) = codec.graphs()
    exported = SamplesDecoder(Graph(write_graph(spec, tmp_path).read_bytes(), "codec", 1), codec.grid, codec.lookahead)
    (frames,) = speak(model, BATCH[:1], STYLES[:1])
    mask = np.ones((1, len(frames)), bool)
    with torch.no_grad():
        expected, _ = codec.decode(torch.from_numpy(frames[None]), torch.from_numpy(mask), codec.initial_state(1))
    samples, _ = exported.decode(frames[None], mask, exported.initial_state(1))
    assert samples.shape == (1, HOP * len(frames))
    np.testing.assert_allclose(samples, expected, atol=1e-6)


def test_codebooks_and_their_graph_belong_together(tiny_voice_folder: Path) -> None:
    graph = Graph((tiny_voice_folder / "encoder.onnx").read_bytes(), "encoder", 1)
    with pytest.raises(ValueError, match="2 codebooks, and no graph of codes"):
        AutoregressiveRuntime(graph, graph, block=1, codebooks=CODEBOOKS)
