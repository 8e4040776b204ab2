"""The codec of a training run or of a voice, as it ships: graphs on ONNX Runtime with one thread."""

from __future__ import annotations

import hashlib
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssmphony.audio.mel import MelEncoder
from ssmphony.codecs import CODECS
from ssmphony.codecs.codec import TrainableCodec
from ssmphony.config import choose, load_json, parse
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.export.graphs import write_graph
from ssmphony.export.weights import in_half_precision, read_weights
from ssmphony.interfaces import Decoder, Encoder
from ssmphony.nn.weights import load_exactly
from ssmphony.runtime.encoder import GraphEncoder
from ssmphony.runtime.graph import Graph
from ssmphony.runtime.spectrum_codec import SpectrumDecoder
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voices.package import load_codec

RATE = 24_000
"""Of all clips here."""


class CodecUnderTest(NamedTuple):
    """identity: a checksum of its weights or of its voice; lookahead_s: of the decoder."""

    name: str
    encoder: Encoder
    decoder: Decoder
    identity: str
    parameters: int | None

    @property
    def lookahead_s(self) -> float:
        return self.decoder.lookahead / self.decoder.grid.frame_rate

    def copy(self, samples: Samples) -> Samples:
        return copy_synthesis(self.encoder, self.decoder, samples)


def network_of(run: Path) -> TrainableCodec:
    """The codec of a run's folder, in evaluation mode. Raises `SsmphonyError` for one that does not encode."""
    block: dict[str, Any] = load_json(run / "config.json")["voice"]["codec"]
    codec = parse(choose(CODECS, block.get("kind", ""), "codec"), block, "voice.codec").build()
    if not isinstance(codec, TrainableCodec):
        raise SsmphonyError(f"{run}: a codec of kind '{block.get('kind')}' does not encode recordings")
    load_exactly(codec, in_half_precision(read_weights(run, "codec")), run, "voice.codec")
    return codec.eval().requires_grad_(False)


def codec_of(name: str, source: Path) -> CodecUnderTest:
    """Of the folder of a voice, of an exported codec or of a run. Raises `SsmphonyError` where it does not encode."""
    if not (source / "config.json").exists():
        packaged = load_codec(source)
        if packaged.encoder is None:
            raise SsmphonyError(f"{source}: this voice came without the encoder of its codec")
        return CodecUnderTest(name, packaged.encoder, packaged.decoder, packaged.identity, None)
    codec = network_of(source)
    digest = hashlib.sha256()
    for key, value in sorted(codec.state_dict().items()):
        digest.update(key.encode() + np.ascontiguousarray(value.numpy()).tobytes())
    with tempfile.TemporaryDirectory() as scratch:
        specs = {spec.name: spec for spec in codec.graphs()}
        read = {key: write_graph(spec, Path(scratch)).read_bytes() for key, spec in specs.items()}
    graphs = {key: partial(Graph, data, key, 1) for key, data in read.items()}
    assert codec.stft is not None, "a codec of spectra"
    decoder = SpectrumDecoder(
        graphs["codec_decoder"](),
        codec.grid,
        lookahead=codec.lookahead,
        max_frames=codec.max_frames,
        **codec.stft._asdict(),
    )
    if "codec_encoder" in graphs:
        encoder: Encoder = GraphEncoder(graphs["codec_encoder"], codec.grid, codec.mel, codec.max_frames)
    elif codec.mel is not None and codec.mel.grid == codec.grid:
        encoder = MelEncoder(codec.mel)
    else:
        raise SsmphonyError(f"{source}: this codec does not encode recordings by itself")
    count = sum(parameter.numel() for parameter in codec.parameters())
    return CodecUnderTest(name, encoder, decoder, digest.hexdigest()[:16], count)


def speeds(codec: CodecUnderTest, sounds: list[Samples]) -> dict[str, float]:
    """Processor-seconds of both halves for a second of sound; the first sound warms up."""
    spent, seconds = np.zeros(2), 0.0
    for number, samples in enumerate(sounds):
        begin = time.process_time()
        frames = codec.encoder.encode(samples[None])
        middle = time.process_time()
        padded = np.pad(frames, ((0, 0), (0, codec.decoder.lookahead), (0, 0)))
        mask = (np.arange(padded.shape[1]) < frames.shape[1])[None]
        codec.decoder.decode(padded, mask, codec.decoder.initial_state(1))
        end = time.process_time()
        if number:
            spent += (middle - begin, end - middle)
            seconds += len(samples) / codec.decoder.grid.sample_rate
    encode, decode = (spent / seconds).tolist()
    return {"encode": encode, "decode": decode, "times_real_time": 1 / (encode + decode)}


def evenly(clips: list[Clip], count: int) -> list[Clip]:
    """So many of them, spread over the list."""
    places = np.linspace(0, len(clips) - 1, min(count, len(clips))).astype(int)
    return [clips[place] for place in places]
