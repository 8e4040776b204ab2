"""What the tests of `web/` compare with: texts, and what the Python frontend and runtime make of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

import ssmphony
from ssmphony.text.hindi.tokens import sentences
from ssmphony.types import Style, TimedSpan
from ssmphony.voices.manifest import graph_file, read_manifest, write_manifest
from tools.web import write_frontend

CASES = Path(__file__).parent / "unit/text/cases"
FILES = ("normaliser.tsv", "mixed.tsv", "romanised.tsv", "sentences.tsv", "unicode.tsv", "inline.tsv")
EVERY = 5
"""Of the texts of each file, so many are left out for each that is taken."""

LONG = " और ".join(["हमारे गाँव के लोग हर सुबह खेतों में काम करने जाते हैं"] * 7) + "।"
MARKED_UP = (
    '<speak>नमस्ते <mark name="here"/> <prosody rate="slow" pitch="+2st" volume="+6dB">दोस्तो</prosody>!'
    '<break time="700ms"/> आज <say-as interpret-as="date">26/1/1950</say-as> है।</speak>'
)
SPOKEN: tuple[tuple[str, Style], ...] = (
    ("नमस्ते दुनिया, आज मौसम अच्छा है। क्या आप 12 किताबें लाए?", Style()),
    ("वाह 😀 दोस्तो! market में ₹500 की चाय।\nनया अनुच्छेद", Style(speed=1.5, pitch_semitones=-2.0)),
    ("राम", Style(speed=0.5)),
    (LONG, Style(speed=2.0)),
    (MARKED_UP, Style()),
)


def write_cases(folder: Path, voice: Path, *, exact: bool) -> None:
    """Write ``cases.json``, samples and ``frontend.zip``; see ``web/test/voice.test.js``.

    ``exact``: nothing in the voice is rounded, so samples must be equal to 1e-3. Otherwise the rounding may differ.
    """
    loaded = ssmphony.load(voice, threads=1)
    speakers = loaded.card.speakers
    mix = Style(speaker=f"{speakers[-1]}:2,{speakers[0]}:1") if "mix" in loaded.model.capabilities else Style()
    spoken: list[dict[str, Any]] = []
    for number, (text, style) in enumerate([*SPOKEN, ("कौन बोल रहा है?", mix)]):
        audio = ssmphony.Audio.join(loaded.speak(text, style), loaded.sample_rate)
        (folder / f"{number}.f32").write_bytes(audio.samples.astype("<f4").tobytes())
        wanted = {"speed": style.speed, "pitchSemitones": style.pitch_semitones, "speaker": style.speaker}
        times = {name: _times(getattr(audio, name)) for name in ("words", "phonemes", "marks")}
        spoken.append({"text": text, "style": wanted, "samples": f"{number}.f32", **times})
    texts = [{"text": text, "sentences": _sentences(text)} for text in [*_texts(), *(text for text, _ in SPOKEN)]]
    cases = {"voice": str(voice), "exact": exact, "spoken": spoken, "texts": texts}
    (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False), encoding="utf-8")
    write_frontend(folder / "frontend.zip")


def without_rounding(voice: Path, folder: Path) -> Path:
    """A copy of ``voice`` in ``folder`` in which products of 8-bit integers are products of floats.

    Differences of one millionth, which any two builds of ONNX Runtime have, move an 8-bit number across the middle of a
    step now and then, and with it the sound by more than what a test of equality should allow.
    """
    shutil.copytree(voice, folder)
    manifest = read_manifest(folder)
    for name, entry in manifest.graphs.items():
        path = folder / entry.file
        model = onnx.load(path)
        _use_floats(model.graph)
        onnx.save(model, path)
        manifest.graphs[name] = graph_file(path)
    write_manifest(folder, manifest)
    return folder


def _use_floats(graph: onnx.GraphProto) -> None:
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":  # x / scale, neither rounded nor moved by the zero point
            node.CopyFrom(helper.make_node("Div", node.input[:2], node.output))
        elif node.op_type == "MatMulInteger":
            weight = weights[node.input[1]]
            values = numpy_helper.to_array(weight).astype(np.float32)
            if len(node.input) > 3:
                values -= numpy_helper.to_array(weights[node.input[3]]).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
            node.CopyFrom(helper.make_node("MatMul", node.input[:2], node.output))
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _texts() -> list[str]:
    texts: list[str] = []
    for name in FILES:
        lines = (CASES / name).read_text(encoding="utf-8").splitlines()
        rows = [line.partition("\t")[0] for line in lines if line and not line.startswith("#")]
        texts += rows[::EVERY]
    return texts


def _sentences(text: str) -> list[dict[str, Any]]:
    return [
        {
            "symbols": list(tokens.symbols),
            "words": [text[word.start : word.end] for word in tokens.words],
            "pause_after_s": tokens.pause_after_s,
        }
        for tokens in sentences(text)
    ]


def _times(spans: tuple[TimedSpan, ...]) -> list[tuple[str, float, float]]:
    return [(span.text, round(span.start_s, 4), round(span.end_s, 4)) for span in spans]
