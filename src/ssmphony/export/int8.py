"""Matrix products of a codec's graph in 8 bits, where their second factor is a constant.

Weights have one scale a column, inputs one a matrix that does not depend on what is decoded, so that a stream in pieces
still sounds as the whole does. The ranges of the inputs are measured on phones in a row without sense, which the voice
itself speaks. Weights have 7 bits: sums of products of 8 bits overflow on processors without instructions for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssmphony.export.weights import LARGE
from ssmphony.interfaces import Array, Decoder
from ssmphony.runtime.graph import Arrays, Graph
from ssmphony.types import SsmphonyError, Style, Tokens
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import load

GRAPH = "codec_decoder"
PHONES, MOST_BLOCKS = 60, 60
_INPUT_STEPS, _WEIGHT_STEPS = 255, 63

Feeds = list[dict[str, Array]]
Ranges = dict[str, tuple[float, float]]


def quantise_codec(folder: Path) -> Path:
    """Rewrite the graph of the codec of the voice in ``folder``, and return its path; the manifest is left as it is.

    Raises:
        SsmphonyError: If the voice's codec has no graph.
    """
    path = folder / f"{GRAPH}.onnx"
    if not path.is_file():
        raise SsmphonyError(f"{folder}: the codec of this voice has no graph to write in 8 bits; leave --int8 out")
    import onnx

    model = onnx.load(path)
    longest = read_manifest(folder).model.max_tokens or PHONES
    feeds = record(load(folder, threads=1), min(PHONES, longest))
    path.write_bytes(quantise(model, feeds).SerializeToString())
    return path


def record(voice: Voice, phones: int) -> Feeds:
    """What the codec's graph reads when each speaker says this many random phones."""
    codec: Any = voice.codec
    recorder = _Recorder(codec.graph)
    codec.graph = recorder
    random, count = np.random.default_rng(0), len(voice.frontend.symbols)
    for speaker in voice.card.speakers or (None,):
        ids = tuple(random.integers(1, count, phones).tolist())
        _speak(voice, Tokens(ids, ("",) * phones), Style(speaker=speaker))
    return recorder.feeds


class _Recorder:
    """A graph that keeps what it is fed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.feeds: Feeds = []

    def initial_state(self, batch: int) -> Arrays:
        return self.graph.initial_state(batch)

    def run(self, inputs: dict[str, Array], state: Arrays = ()) -> tuple[Arrays, Arrays]:
        self.feeds.append({**inputs, **{f"state_{i}": value for i, value in enumerate(state)}})
        return self.graph.run(inputs, state)


def _speak(voice: Voice, tokens: Tokens, style: Style) -> None:
    codec: Decoder = voice.codec
    state, waiting = voice.model.begin([tokens], [style]), codec.initial_state(1)
    for _ in range(MOST_BLOCKS):
        frames, state = voice.model.step(state)
        mask = np.arange(frames.tokens.shape[1])[None] < frames.lengths[:, None]
        _, waiting = codec.decode(np.asarray(frames.values), mask, waiting)
        if not mask.all():
            break


def quantise(model: Any, feeds: Feeds) -> Any:
    """An ONNX model whose products with large constants are those of integers, ranges measured on ``feeds``."""
    constants = _constants(model.graph)
    products = [
        node for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in constants and constants[node.input[1]].size >= LARGE
    ]  # fmt: skip
    ranges = _measure(model, sorted({node.input[0] for node in products}), feeds)
    chosen = {id(node) for node in products}
    nodes: list[Any] = []
    for node in model.graph.node:
        if id(node) in chosen:
            new, held = _integer_product(node, constants[node.input[1]], ranges[node.input[0]])
            nodes += new
            model.graph.initializer.extend(held)
        else:
            nodes.append(node)
    _replace(model.graph, nodes)
    return model


def _constants(graph: Any) -> dict[str, Array]:
    """Matrices that are stored as they are, or in float16 and cast when the graph is loaded."""
    from onnx import numpy_helper

    stored = {tensor.name: tensor for tensor in graph.initializer}
    found = {name: numpy_helper.to_array(tensor) for name, tensor in stored.items() if len(tensor.dims) == 2}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]].astype(np.float32)
    return {name: value for name, value in found.items() if value.dtype == np.float32}


def _measure(model: Any, names: Sequence[str], feeds: Feeds) -> Ranges:
    """Smallest and largest value of each tensor, and 0."""
    import onnx
    import onnxruntime as runtime

    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    for name in names:
        observed.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session: Any = runtime.InferenceSession(observed.SerializeToString(), providers=["CPUExecutionProvider"])
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for feed in feeds:
        for name, value in zip(names, session.run(list(names), feed), strict=True):
            low, high = ranges[name]
            ranges[name] = min(low, float(value.min())), max(high, float(value.max()))
    return ranges


def _integer_product(node: Any, weights: Array, limits: tuple[float, float]) -> tuple[list[Any], list[Any]]:
    """Nodes in place of a product, and their constants."""
    from onnx import TensorProto, helper, numpy_helper

    low, high = limits
    step = max(high - low, 1e-6) / _INPUT_STEPS
    zero = np.array(round(-low / step), np.uint8)
    steps = np.maximum(np.abs(weights).max(axis=0), 1e-8) / _WEIGHT_STEPS
    name = node.output[0]
    held = {
        "step": np.array(step, np.float32),
        "zero": zero,
        "weights": np.round(weights / steps).astype(np.int8),
        "scale": (steps * step).astype(np.float32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", [node.input[0], f"{name}_step", f"{name}_zero"], [f"{name}_input"]),
        helper.make_node("MatMulInteger", [f"{name}_input", f"{name}_weights", f"{name}_zero"], [f"{name}_sum"]),
        helper.make_node("Cast", [f"{name}_sum"], [f"{name}_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name]),
    ]
    return nodes, [numpy_helper.from_array(value, f"{name}_{part}") for part, value in held.items()]


def _replace(graph: Any, nodes: list[Any]) -> None:
    """Put nodes in place of the graph's, without casts and constants that nobody reads any more."""
    read = {name for node in nodes for name in node.input} | {output.name for output in graph.output}
    nodes = [node for node in nodes if node.op_type != "Cast" or node.output[0] in read]
    read = {name for node in nodes for name in node.input}
    held = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.initializer[:]
    graph.initializer.extend(held)
