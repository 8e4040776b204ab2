"""Codecs whose graph returns samples, frames of several mel steps, and encoders; on the smallest graphs there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from ssmphony.audio.mel import log_mel
from ssmphony.runtime.encoder import GraphEncoder
from ssmphony.runtime.graph import Graph
from ssmphony.runtime.samples_codec import SamplesDecoder
from ssmphony.runtime.spectrum_codec import SpectrumDecoder
from ssmphony.types import FrameGrid, MelFormat

_info = helper.make_tensor_value_info
MEL = MelFormat(sample_rate=8_000, n_fft=64, hop_length=16, n_mels=6, f_max=4_000)


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, np.ndarray]) -> Graph:
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "test", inputs, outputs, held),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.checker.check_model(model, full_check=True)
    return Graph(model.SerializeToString(), "test", 1)


def samples_graph(codes: bool) -> Graph:
    """Each frame's sum, plus that of the frame before, on its four samples."""
    nodes = [
        helper.make_node("Cast", ["frames"], ["floats"], to=T.FLOAT),
        helper.make_node("Cast", ["mask"], ["weights"], to=T.FLOAT),
        helper.make_node("ReduceSum", ["floats", "last"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "weights"], ["levels"]),
        helper.make_node("Concat", ["state_0", "levels"], ["all"], axis=1),
        helper.make_node("Slice", ["all", "zero", "minus", "one"], ["before"]),
        helper.make_node("Slice", ["all", "minus", "end", "one"], ["new_state_0"]),
        helper.make_node("Add", ["levels", "before"], ["smooth"]),
        helper.make_node("Unsqueeze", ["smooth", "two"], ["column"]),
        helper.make_node("Tile", ["column", "repeats"], ["tiled"]),
        helper.make_node("Reshape", ["tiled", "flat"], ["samples"]),
    ]
    constants = {"last": [2], "zero": [0], "minus": [-1], "one": [1], "end": [1 << 40], "two": [2]}
    constants |= {"repeats": [1, 1, 4], "flat": [0, -1]}
    inputs = [
        _info("frames", T.INT64 if codes else T.FLOAT, ["batch", "time", 3]),
        _info("mask", T.BOOL, ["batch", "time"]),
    ]
    inputs += [_info("state_0", T.FLOAT, ["batch", 1])]
    outputs = [_info("samples", T.FLOAT, ["batch", "n"]), _info("new_state_0", T.FLOAT, ["batch", 1])]
    return graph(nodes, inputs, outputs, {name: np.array(value, np.int64) for name, value in constants.items()})


@pytest.mark.parametrize("codes", [False, True])
def test_samples_come_out_of_the_graph_whatever_the_chunks(codes: bool) -> None:
    grid = FrameGrid(8_000, 4, 3, (7, 7, 7) if codes else ())
    codec = SamplesDecoder(samples_graph(codes), grid, lookahead=0)
    random = np.random.default_rng(0)
    frames = random.integers(0, 7, (2, 9, 3)) if codes else random.standard_normal((2, 9, 3)).astype(np.float32)
    mask = np.arange(9) < np.array([[9], [5]])
    whole, _ = codec.decode(frames, mask, codec.initial_state(2))
    assert whole.shape == (2, 36)
    levels = frames.sum(axis=2) * mask
    expected = levels + np.concatenate([np.zeros((2, 1)), levels[:, :-1]], axis=1)
    np.testing.assert_allclose(whole, expected.repeat(4, axis=1), atol=1e-6)
    state, parts = codec.initial_state(2), []
    for first, stop in ((0, 0), (0, 2), (2, 3), (3, 9)):
        part, state = codec.decode(frames[:, first:stop], mask[:, first:stop], state)
        parts.append(part)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_frames_of_codes_are_described_whole() -> None:
    with pytest.raises(ValueError, match="3 channels but 2 codebooks"):
        FrameGrid(8_000, 4, 3, (7, 7))
    with pytest.raises(ValueError, match="below 1"):
        FrameGrid(8_000, 0, 3)


def test_a_frame_is_a_whole_number_of_hops() -> None:
    with pytest.raises(ValueError, match="no whole number of hops"):
        SpectrumDecoder(samples_graph(False), FrameGrid(8_000, 40, 3), n_fft=64, hop_length=16, lookahead=0)


@pytest.mark.parametrize("n", [1, 16, 63, 64, 65, 500])
def test_an_encoder_of_mel_reads_whole_frames(n: int) -> None:
    """A frame of four mel steps: its mean; what is missing of the last one is silence."""
    nodes = [
        helper.make_node("Reshape", ["mel", "fours"], ["grouped"]),
        helper.make_node("ReduceMean", ["grouped"], ["frames"], axes=[2], keepdims=0),
    ]
    inputs, outputs = [_info("mel", T.FLOAT, ["batch", "time", 6])], [_info("frames", T.FLOAT, ["batch", "frame", 6])]
    made = graph(nodes, inputs, outputs, {"fours": np.array([0, -1, 4, 6], np.int64)})
    encoder = GraphEncoder(lambda: made, FrameGrid(8_000, 64, 6), MEL)
    samples = np.random.default_rng(0).standard_normal((2, n)).astype(np.float32)
    frames = encoder.encode(samples)
    assert frames.shape == (2, 1 + n // 64, 6)
    mel = log_mel(samples[1], MEL)
    filled = np.pad(mel, ((0, -len(mel) % 4), (0, 0)), constant_values=np.log(MEL.log_floor))
    np.testing.assert_allclose(frames[1], filled.reshape(-1, 4, 6).mean(axis=1), atol=1e-5)


def test_an_encoder_may_read_samples() -> None:
    node = helper.make_node("Unsqueeze", ["samples", "last"], ["frames"])
    made = graph(
        [node],
        [_info("samples", T.FLOAT, ["batch", "n"])],
        [_info("frames", T.FLOAT, ["batch", "n", 1])],
        {"last": np.array([2], np.int64)},
    )
    loads: list[int] = []
    encoder = GraphEncoder(lambda: (loads.append(1), made)[1], FrameGrid(8_000, 1, 1))
    assert not loads, "who only speaks does not load it"
    assert encoder.encode(np.ones((1, 5), np.float32)).shape == (1, 5, 1)
    encoder.encode(np.ones((1, 5), np.float32))
    assert loads == [1]
