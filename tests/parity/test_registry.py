"""Every registered model and codec, at tiny size, exported and loaded as a voice is: it does what PyTorch does.

A system that is added to a registry is picked up. Whole voices, texts and the longest sentences are compared in
`test_export` and `test_lewm_export`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ssmphony.codecs import CODECS
from ssmphony.config import VoiceBlock
from ssmphony.export.graphs import write_graph
from ssmphony.export.voice import codec_entry, model_entry
from ssmphony.interfaces import Encoder
from ssmphony.runtime.spectrum_codec import SpectrumDecoder
from ssmphony.voices import package
from ssmphony.voices.manifest import CodecEntry, ModelEntry, VoiceManifest, graph_file
from tests.contract.speaking import BATCH, STYLES, TINY, build, set_end

TOLERANCE = 1e-4
FED_BACK = 3e-3
"""Of models that read what they made: rounding grows along a sentence."""
BLOCKS = 12
CODEC_FORMS = {f"{kind} {form}".strip(): c for kind, codec in CODECS.items() for form, c in codec.tiny().items()}
#: Rounding in a pitch adds up to a phase, and a partial's phase is so many times the fundamental's.
TOLERANCES = {
    "mel_vocoder harmonic": 1e-3,
    "mel_source_filter": 1e-3,
    "fsq": 1e-3,
    "fsq residual": 1e-3,
    "latent": 1e-3,
    "latent sigreg": 1e-3,
}
ANY_MODEL = ModelEntry(family="parallel", block=1)
ANY_CODEC = CodecEntry(runtime="samples", sample_rate=1, hop_length=1, channels=1)


def manifest(part: Any, folder: Path, **entries: Any) -> VoiceManifest:
    """Of a package that holds one part; the graphs are written."""
    graphs = {spec.name: graph_file(write_graph(spec, folder)) for spec in part.graphs()}
    about: dict[str, Any] = {"name": "t", "language": "hi", "symbols": (), "model": ANY_MODEL, "codec": ANY_CODEC}
    return VoiceManifest(**{**about, **entries}, voice=VoiceBlock(frontend={}, model={}, codec={}), graphs=graphs)


@pytest.mark.parametrize("kind", TINY)
def test_model(kind: str, tmp_path: Path) -> None:
    """Sentences of different length and style in one batch, block after block."""
    model, tolerance, codec = build(kind), TOLERANCE, ANY_CODEC
    if model.family == "autoregressive":
        codec = ANY_CODEC.model_copy(update={"codebooks": tuple(model.codebooks)})
        tolerance = FED_BACK
        set_end(model, never=True)  # sentences end at their largest number of frames
    described = manifest(model, tmp_path, model=model_entry(model), codec=codec, speakers=model.speaker_names)
    runtime = package.FAMILIES[model.family](tmp_path, described, 1)
    assert runtime.capabilities == model.capabilities
    spoken = 0
    with torch.no_grad():
        expected, state = model.begin(BATCH, STYLES), runtime.begin(BATCH, STYLES)
        for _ in range(BLOCKS):
            wanted, expected = model.step(expected)
            frames, state = runtime.step(state)
            np.testing.assert_array_equal(frames.lengths, wanted.lengths)
            for row, length in enumerate(frames.lengths):
                np.testing.assert_array_equal(frames.tokens[row, :length], wanted.tokens[row, :length])
                np.testing.assert_allclose(frames.values[row, :length], wanted.values[row, :length], atol=tolerance)
                spoken += int(length)
    assert spoken > 30


def build_codec(kind: str) -> Any:
    torch.manual_seed(0)
    codec: Any = CODEC_FORMS[kind].build()
    if isinstance(codec, nn.Module):
        for parameter in codec.parameters():
            nn.init.normal_(parameter, std=0.2)
        codec.eval()
    return codec


@pytest.mark.parametrize("kind", CODEC_FORMS)
def test_codec(kind: str, tmp_path: Path) -> None:
    """Frames in pieces, one row shorter than the other; and the encoder."""
    codec = build_codec(kind)
    described = manifest(codec, tmp_path, codec=codec_entry(codec))
    runtime = package.CODECS[codec.runtime](tmp_path, described, 1)
    assert (runtime.grid, runtime.lookahead) == (codec.grid, codec.lookahead)
    time = 20 + codec.lookahead
    random, shape = np.random.default_rng(0), (2, time, codec.grid.channels)
    frames: Any = random.standard_normal(shape).astype(np.float32)
    if codec.grid.codebooks:
        frames = random.integers(0, codec.grid.codebooks, shape)
    mask = np.arange(time) < np.array([[20], [7]])
    with torch.no_grad():
        wanted, _ = codec.decode(frames, mask, codec.initial_state(2))
    state, parts = runtime.initial_state(2), []
    for first, stop in ((0, 3), (3, 4), (4, time)):
        samples, state = runtime.decode(frames[:, first:stop], mask[:, first:stop], state)
        parts.append(samples)
    hop, ahead = codec.grid.hop_length, codec.lookahead
    samples = np.concatenate(parts, axis=1)
    scale = float(np.abs(np.asarray(wanted)).max())
    tolerance = TOLERANCES.get(kind, TOLERANCE) * max(1.0, scale)
    for row, length in enumerate((20, 7)):
        real = slice(ahead * hop, (ahead + length) * hop)
        np.testing.assert_allclose(samples[row, real], np.asarray(wanted)[row, real], atol=tolerance)
    if isinstance(runtime, SpectrumDecoder):  # a graph that takes no more in one call
        runtime.max_frames = 3
        pieces, _ = runtime.decode(frames, mask, runtime.initial_state(2))
        np.testing.assert_allclose(pieces[:, ahead * hop :], samples[:, ahead * hop :], atol=tolerance)
    encoder = package.load_encoder(tmp_path, described, 1)
    assert (encoder is not None) == isinstance(codec, Encoder)
    if encoder is None:
        return
    sound = 0.1 * np.random.default_rng(1).standard_normal((2, 1000)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(encoder.encode(sound), codec.encode(torch.from_numpy(sound)), atol=TOLERANCE)
