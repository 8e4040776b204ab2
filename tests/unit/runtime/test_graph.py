"""Graphs: state specifications, threads, what ONNX Runtime refuses."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.runtime.graph import Graph, default_threads
from ssmphony.types import SsmphonyError


def test_state_is_read_from_the_graph(tiny_voice_folder):
    graph = Graph((tiny_voice_folder / "decoder.onnx").read_bytes(), "decoder")
    assert graph.inputs == ("x", "mask")
    assert graph.outputs == ("frames",)
    shapes = [(part.shape, part.dtype) for part in graph.initial_state(3)]
    assert shapes == [((3, 6), np.float32), ((3, 3, 10), np.float32)]


def test_a_damaged_graph_is_one_line():
    with pytest.raises(SsmphonyError) as caught:
        Graph(b"not a graph", "voice/decoder.onnx")
    assert "voice/decoder.onnx: ONNX Runtime" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_state_that_does_not_come_back(tiny_voice_folder):
    import onnx

    model = onnx.load(tiny_voice_folder / "decoder.onnx")
    del model.graph.output[-1]
    with pytest.raises(SsmphonyError, match="do not match its state inputs"):
        Graph(model.SerializeToString(), "decoder.onnx")


@pytest.mark.parametrize("value", ["0", "many", "-1"])
def test_thread_setting(monkeypatch, value):
    monkeypatch.setenv("SSMPHONY_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("SSMPHONY_THREADS", value)
    with pytest.raises(SsmphonyError, match="SSMPHONY_THREADS"):
        default_threads()
