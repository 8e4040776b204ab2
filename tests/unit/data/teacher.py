"""A graph with the inputs and outputs of Kokoro's, made of arithmetic: a token lasts 3,000 samples, at 100 Hz."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHARACTERS = " ,.?!^aʌəɪiʊueɛoɔækɡŋcɟɲʈɖɳtdnpbmjɾlʋʃʂshqxɣzfr:ʰˈː\u0303"


class TeacherFiles(NamedTuple):
    model: Path
    vocabulary: Path
    voices: Path

    @property
    def settings(self) -> dict[str, object]:
        return dict(self._asdict())


def write_teacher(folder: Path, speakers: tuple[str, ...] = ("asha", "ravi"), outputs: int = 3) -> TeacherFiles:
    """A voice's level is the first number of its style. ``outputs`` 1: samples alone, as public exports have it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("audio", "/encoder/Clip_output_0", "/encoder/Squeeze_output_0")
    constants = {
        "five": np.array([5.0], np.float32),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "samples": np.array(3_000, np.int64),
        "step": np.array(2 * np.pi * 100 / 24_000, np.float32),
        "axis": np.array([0], np.int64),
        "first": np.array([0, 0], np.int64),
        "last": np.array([1, 1], np.int64),
        "both": np.array([0, 1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["tokens"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "five"], ["row"]),
        helper.make_node("Squeeze", ["row", "axis"], [names[1]]),
        helper.make_node("Size", ["tokens"], ["count"]),
        helper.make_node("Mul", ["count", "samples"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["places"]),
        helper.make_node("Cast", ["places"], ["times"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["times", "step"], ["angle"]),
        helper.make_node("Sin", ["angle"], ["wave"]),
        helper.make_node("Slice", ["style", "first", "last", "both"], ["level"]),
        helper.make_node("Squeeze", ["level"], ["gain"]),
        helper.make_node("Mul", ["wave", "gain"], ["loud"]),
        helper.make_node("Mul", ["loud", "speed"], [names[0]]),
        helper.make_node("Concat", [names[1], names[1]], ["twice"], axis=0),
        helper.make_node("Concat", ["twice"] * 5, ["values"], axis=0),
        helper.make_node("Mul", ["values", "twenty"], [names[2]]),
    ]
    constants |= {"nothing": np.array([0.0], np.float32), "twenty": np.array([20.0], np.float32)}
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "teacher",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "tokens"]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
            helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in names[:outputs]],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in read],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(folder / "teacher.onnx"))
    vocabulary = {character: number for number, character in enumerate(CHARACTERS, start=1)}
    (folder / "vocab.json").write_text(json.dumps({"vocab": vocabulary}), encoding="utf-8")
    for number, speaker in enumerate(speakers):
        np.full((300, 256), 0.3 + number, np.float32).tofile(folder / f"{speaker}.bin")
    return TeacherFiles(folder / "teacher.onnx", folder / "vocab.json", folder)
