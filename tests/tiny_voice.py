"""A real voice without training: a few small ONNX graphs that obey the whole contract of an exported one.

The encoder mixes neighbouring phonemes, the decoder has a recurrent state and looks ahead, the vocoder has a
convolution that looks ahead and a running phase, and ends in the runtime's inverse STFT.
`reference` computes the same sound in one shot, in plain NumPy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from ssmphony.text import FRONTENDS
from ssmphony.types import MelFormat, Style, Tokens
from ssmphony.voices.manifest import CodecEntry, ModelEntry, StftEntry, VoiceManifest, graph_file, write_manifest

D, H, C, HOP, BLOCK = 8, 6, 5, 256, 32
DECODER_LOOKAHEAD, TRUNK_LOOKAHEAD, KERNEL = 3, 4, 7
N_FFT, BINS = 1024, 513
VOCODER_LOOKAHEAD = TRUNK_LOOKAHEAD + N_FFT // (2 * HOP)
DECAY = 0.8
SPEAKERS = ("asha", "ravi")
FORMAT = MelFormat(n_mels=C)
SYMBOLS = FRONTENDS["hindi"]().build().symbols

_random = np.random.default_rng(7)


def _weights(*shape: int, scale: float = 1.0) -> np.ndarray:
    return (_random.standard_normal(shape) * scale).astype(np.float32)


PHONEME, PLACE, SPEAKER, PITCH = _weights(len(SYMBOLS), D), _weights(5, D), _weights(2, D), _weights(D, scale=0.2)
DURATION = _weights(D, scale=0.3)
DRIVE, DIRECT, READ = _weights(D + 2, H, scale=0.3), _weights(D + 2, C, scale=0.3), _weights(H, C)
CONV, CONV_BIAS, PHASE = _weights(2 * BINS, C, KERNEL, scale=0.2), _weights(2 * BINS), _weights(C, 1)


def make_voice(folder: Path, *, dynamic_batch: bool = True) -> Path:
    """Write the package; ``dynamic_batch`` false makes graphs that take one row at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    batch = "batch" if dynamic_batch else 1
    for name, graph in (("encoder", _encoder(batch)), ("decoder", _decoder(batch)), ("codec_decoder", _vocoder(batch))):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    manifest = VoiceManifest(
        name="tiny",
        language="hi",
        description="A voice for tests",
        licence="Apache-2.0",
        speakers=SPEAKERS,
        symbols=SYMBOLS,
        voice={
            "frontend": {"kind": "hindi"},
            "model": {"kind": "s4_acoustic", "d_model": D},
            "codec": {"kind": "mel_vocoder", "format": {"n_mels": C}},
        },
        model=ModelEntry(
            family="parallel",
            block=BLOCK,
            lookahead=DECODER_LOOKAHEAD,
            capabilities=("pitch", "speed", "timing"),
        ),
        codec=CodecEntry(
            runtime="spectrum",
            **vars(FORMAT.grid),
            lookahead=VOCODER_LOOKAHEAD,
            stft=StftEntry(n_fft=N_FFT, hop_length=HOP),
            mel=FORMAT,
        ),
        graphs={name: graph_file(folder / f"{name}.onnx") for name in ("encoder", "decoder", "codec_decoder")},
    )
    write_manifest(folder, manifest)
    return folder


def reference(tokens: Tokens, style: Style) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n,) of a sentence without its pause, and the frames of each token; one shot, no state."""
    padded = np.concatenate([np.zeros((1, D)), PHONEME[list(tokens.ids)], np.zeros((1, D))])
    places = np.zeros(len(tokens), int)
    for word in tokens.words:
        places[word.first : word.stop] = 2
        places[word.first], places[word.stop - 1] = 1, 3
        if word.stop - word.first == 1:
            places[word.first] = 4
    speaker = SPEAKERS.index(style.speaker) if style.speaker else 0
    mixed = padded[1:-1] + 0.5 * padded[:-2] + 0.5 * padded[2:]
    encoded = mixed + PLACE[places] + SPEAKER[speaker] + style.pitch_semitones * PITCH
    log_durations = 1.5 + np.tanh(encoded @ DURATION)
    durations = np.maximum(np.round(np.exp(log_durations.astype(np.float32)) / np.float32(style.speed)), 1).astype(int)
    x = np.concatenate(
        [
            np.concatenate([np.tile(row, (n, 1)), (np.arange(n)[:, None] + 0.5) / n, np.full((n, 1), np.log(n) / 5)], 1)
            for row, n in zip(encoded, durations, strict=True)
        ]
    )
    centres = np.cumsum(durations) - durations / 2  # the last channel glides from token to token
    x[:, D - 1] = np.interp(np.arange(len(x)) + 0.5, centres, encoded[:, -1])
    total = len(x)
    hidden, frames = np.zeros(H), np.zeros((total, C))
    for step in range(total + DECODER_LOOKAHEAD):
        hidden = DECAY * hidden + (x[step] @ DRIVE if step < total else 0)
        if step >= DECODER_LOOKAHEAD:
            frames[step - DECODER_LOOKAHEAD] = np.tanh(hidden) @ READ + x[step - DECODER_LOOKAHEAD] @ DIRECT
    past = KERNEL - 1 - TRUNK_LOOKAHEAD
    window = np.concatenate([np.zeros((past, C)), frames, np.zeros((TRUNK_LOOKAHEAD, C))])
    conv = np.stack([np.einsum("hck,kc->h", CONV, window[t : t + KERNEL]) + CONV_BIAS for t in range(total)])
    turns = np.cumsum(np.concatenate([frames, np.zeros((TRUNK_LOOKAHEAD, C))]) @ PHASE, axis=0)[TRUNK_LOOKAHEAD:]
    spectrum = np.exp(np.tanh(conv[:, :BINS]) + 1.0 + 1j * (conv[:, BINS:] + turns))
    return _inverse_stft(spectrum), durations


def _inverse_stft(spectrum: np.ndarray) -> np.ndarray:
    """(frames, bins) → (frames * HOP,), frame t centred on sample t * HOP."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    total = len(spectrum)
    sound, envelope = np.zeros(total * HOP + N_FFT), np.full(total * HOP + N_FFT, 1e-8)
    for t, segment in enumerate(np.fft.irfft(spectrum, N_FFT) * hann):
        sound[t * HOP : t * HOP + N_FFT] += segment
        envelope[t * HOP : t * HOP + N_FFT] += hann**2
    return (sound / envelope)[N_FFT // 2 :][: total * HOP].astype(np.float32)


class _Builder:
    """Nodes and constants of one graph."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: np.ndarray) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def __call__(self, op: str, *inputs: str | np.ndarray, out: str = "", **attributes: Any) -> str:
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        out = out or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], **attributes))
        return out

    def slice(self, x: str, start: int, stop: int, axis: int, out: str = "") -> str:
        return self("Slice", x, *(np.array([value], np.int64) for value in (start, stop, axis)), out=out)

    def graph(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        return helper.make_graph(self.nodes, name, inputs, outputs, self.constants)


_ENDLESS = 1 << 40
_info = helper.make_tensor_value_info


def _encoder(batch: str | int) -> Any:
    g = _Builder()
    keep = g("Unsqueeze", g("Cast", "mask", to=T.FLOAT), np.array([2]))
    phonemes = g("Mul", g("Gather", PHONEME, "ids"), keep)
    wide = g("Pad", phonemes, np.array([0, 1, 0, 0, 1, 0]))
    half = np.array(0.5, np.float32)
    around = g("Add", g.slice(wide, 0, -2, 1), g.slice(wide, 2, _ENDLESS, 1))
    x = g("Add", g("Add", phonemes, g("Mul", around, half)), g("Gather", PLACE, "word_positions"))
    x = g("Add", x, g("Unsqueeze", g("Gather", SPEAKER, "speaker"), np.array([1])))
    pitch = g("Mul", g("Unsqueeze", "pitch_semitones", np.array([2])), PITCH[None, None])
    x = g("Add", x, pitch, out="encoded")
    g("Add", g("Tanh", g("MatMul", x, DURATION)), np.array(1.5, np.float32), out="log_durations")
    inputs = [_info(name, T.INT64, [batch, "time"]) for name in ("ids", "word_positions")]
    inputs += [_info("mask", T.BOOL, [batch, "time"]), _info("speaker", T.INT64, [batch])]
    inputs += [_info("pitch_semitones", T.FLOAT, [batch, "time"])]
    outputs = [_info("encoded", T.FLOAT, [batch, "time", D]), _info("log_durations", T.FLOAT, [batch, "time"])]
    return g.graph("encoder", inputs, outputs)


def _decoder(batch: str | int) -> Any:
    g = _Builder()
    x = g("Mul", "x", g("Unsqueeze", g("Cast", "mask", to=T.FLOAT), np.array([2])))
    steps = np.arange(BLOCK)
    kernel = np.where(steps[:, None] >= steps, DECAY ** (steps[:, None] - steps).clip(0), 0).astype(np.float32)
    carried = g("Mul", g("Unsqueeze", "state_0", np.array([1])), (DECAY ** (steps + 1.0)).astype(np.float32)[:, None])
    hidden = g("Add", g("MatMul", kernel, g("MatMul", x, DRIVE)), carried)
    g("Squeeze", g.slice(hidden, BLOCK - 1, BLOCK, 1), np.array([1]), out="new_state_0")
    extended = g("Concat", "state_1", x, axis=1)
    g.slice(extended, BLOCK, BLOCK + DECODER_LOOKAHEAD, 1, out="new_state_1")
    direct = g("MatMul", g.slice(extended, 0, BLOCK, 1), DIRECT)
    g("Add", g("MatMul", g("Tanh", hidden), READ), direct, out="frames")
    context = [batch, DECODER_LOOKAHEAD, D + 2]
    inputs = [_info("x", T.FLOAT, [batch, BLOCK, D + 2]), _info("mask", T.BOOL, [batch, BLOCK])]
    inputs += [_info("state_0", T.FLOAT, [batch, H]), _info("state_1", T.FLOAT, context)]
    outputs = [_info("frames", T.FLOAT, [batch, BLOCK, C])]
    outputs += [_info("new_state_0", T.FLOAT, [batch, H]), _info("new_state_1", T.FLOAT, context)]
    return g.graph("decoder", inputs, outputs)


def _vocoder(batch: str | int) -> Any:
    g = _Builder()
    x = g("Mul", "frames", g("Unsqueeze", g("Cast", "mask", to=T.FLOAT), np.array([2])))
    extended = g("Concat", "state_0", x, axis=1)
    g.slice(extended, 1 - KERNEL, _ENDLESS, 1, out="new_state_0")
    conv = g("Conv", g("Transpose", extended, perm=[0, 2, 1]), CONV, CONV_BIAS, kernel_shape=[KERNEL])
    conv = g("Transpose", conv, perm=[0, 2, 1])
    turns = g("Add", g("CumSum", g("MatMul", x, PHASE), np.array(1)), "state_1")
    g.slice(turns, -1, _ENDLESS, 1, out="new_state_1")
    present = g("Concat", "state_2", "mask", axis=1)
    g.slice(present, 0, -TRUNK_LOOKAHEAD, 1, out="present")
    g.slice(present, -TRUNK_LOOKAHEAD, _ENDLESS, 1, out="new_state_2")
    g("Add", g("Tanh", g.slice(conv, 0, BINS, 2)), np.array(1.0, np.float32), out="log_magnitude")
    g("Add", g.slice(conv, BINS, _ENDLESS, 2), turns, out="phase")
    states = [
        ("state_0", T.FLOAT, [batch, KERNEL - 1, C]),
        ("state_1", T.FLOAT, [batch, 1, 1]),
        ("state_2", T.BOOL, [batch, TRUNK_LOOKAHEAD]),
    ]
    inputs = [_info("frames", T.FLOAT, [batch, "time", C]), _info("mask", T.BOOL, [batch, "time"])]
    outputs = [_info(name, T.FLOAT, [batch, "time", BINS]) for name in ("log_magnitude", "phase")]
    outputs += [_info("present", T.BOOL, [batch, "time"])]
    return g.graph(
        "codec_decoder",
        [*inputs, *(_info(*state) for state in states)],
        [*outputs, *(_info(f"new_{name}", kind, shape) for name, kind, shape in states)],
    )
