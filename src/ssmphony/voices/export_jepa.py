"""LeWM TTS as ONNX graphs: ``encoder`` reads a sentence, ``predictor`` steps by one latent, ``vocoder`` decodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssmphony.codecs.jepa_latent import STRIDE, JepaLatent, JepaLatentState
from ssmphony.models.jepa_memory import Memory
from ssmphony.models.jepa_tts import JepaTTS, JepaTTSConfig
from ssmphony.runtime.graph import Graph
from ssmphony.types import SsmphonyError
from ssmphony.voices.graphs import FlatState, write_graph
from ssmphony.voices.manifest import CodecEntry, GraphFile, ModelEntry, StftEntry, graph_file

LONGEST = 4096
"""Latents of a recording that the encoder takes."""


class ReaderGraph(nn.Module):
    """A sentence at once: what the predictor reads of it, where it begins, and when it is over at the latest."""

    def __init__(self, model: JepaTTS) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor, speaker: Tensor) -> tuple[Tensor, ...]:
        memory = self.model.read(ids, mask, speaker)
        beginning, spread = (value.expand(ids.shape[0], -1) for value in (self.model.beginning, self.model.spread()))
        return *memory.keys, *memory.values, beginning, spread.clone(), self.model.most(mask)


class PredictorGraph(nn.Module):
    """One latent on."""

    def __init__(self, model: JepaTTS) -> None:
        super().__init__()
        self.model = model
        self.flat = FlatState(model.initial_layers(1))

    def forward(
        self, latent: Tensor, position: Tensor, token: Tensor, present: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        """``tensors``: the keys of each layer, the values of each layer, then the state."""
        count = self.model.cross_layers
        memory = Memory(tensors[:count], tensors[count : 2 * count], present)
        layers = self.flat.unflatten(tensors[2 * count :], latent.shape[0])
        *outputs, layers = self.model.foresee(latent, position, token, memory, layers)
        return (*outputs, *self.flat.flatten(layers))


class LatentVocoderGraph(nn.Module):
    """Any number of latents; the inverse STFT is done by the runtime."""

    def __init__(self, codec: JepaLatent) -> None:
        super().__init__()
        self.codec = codec
        fresh = codec.initial_state(1)
        self.flat = FlatState((*fresh[:-1], fresh.vocoder.trunk))

    def forward(self, frames: Tensor, mask: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        decoder, waiting, absent, trunk = self.flat.unflatten(state, frames.shape[0])
        vocoder = self.codec.initial_state(1).vocoder  # its overlap is the runtime's
        mel, present, new = self.codec.mel(frames, mask, JepaLatentState(decoder, waiting, absent, vocoder))
        spectrum, trunk = self.codec.vocoder.trunk(mel, present, trunk)
        return (*spectrum[:3], *self.flat.flatten((*new[:-1], trunk)))


class LatentEncoderGraph(nn.Module):
    """The log-mel of whole clips, a whole number of latents long → the means of the latents."""

    def __init__(self, codec: JepaLatent) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, mel: Tensor) -> Tensor:
        present = torch.ones_like(mel[..., 0], dtype=torch.bool)
        return self.codec.encoder(self.codec.normalise(mel), present)[0]


def export_predictor(model: JepaTTS, folder: Path) -> tuple[dict[str, GraphFile], ModelEntry]:
    config = model.config
    batch, tokens = torch.export.Dim("batch", max=1024), torch.export.Dim("tokens", min=2, max=config.max_seq)
    inputs = {
        "ids": torch.ones(2, 7, dtype=torch.long),
        "mask": torch.ones(2, 7, dtype=torch.bool),
        "speaker": torch.zeros(2, dtype=torch.long),
    }
    axes: list[Any] = [{0: batch, 1: tokens}, {0: batch, 1: tokens}, {0: batch}]
    names = [f"{part}_{layer}" for part in ("keys", "values") for layer in range(model.cross_layers)]
    outputs = [*names, "beginning", "spread", "most"]
    encoder = write_graph(ReaderGraph(model), inputs, (), axes, outputs, folder / "encoder.onnx")
    _check_any_length(encoder, config)
    # cut out of any text, the part in reach is the same to the bit; else all texts are as long as the longest
    length = config.max_seq if config.reach is None else config.max_seq // 2
    shape = (2, config.n_heads, length, config.d_model // config.n_heads)
    inputs = {
        "latent": torch.zeros(2, config.d_latent),
        "position": torch.zeros(2, dtype=torch.long),
        "token": torch.ones(2),
        "present": torch.ones(2, config.max_seq, dtype=torch.bool),
        **{name: torch.zeros(shape) for name in names},
    }
    graph = PredictorGraph(model)
    state = graph.flat.flatten(model.initial_layers(2))
    text: Any = {0: batch} if config.reach is None else {0: batch, 2: tokens}
    axes = [{0: batch}] * 4 + [text] * len(names) + [{0: batch}] * len(state)
    outputs = ["new_latent", "new_token", "stop"]
    predictor = write_graph(graph, inputs, state, axes, outputs, folder / "predictor.onnx", named=4)
    entry = ModelEntry(family="autoregressive", block=config.block, max_tokens=config.max_seq)
    return {"encoder": graph_file(encoder), "predictor": graph_file(predictor)}, entry


def _check_any_length(encoder: Path, config: JepaTTSConfig) -> None:
    """A mixer whose scan is unrolled is exported without an error, and reads texts of the traced length only."""
    tokens = config.max_seq - 1
    ids, mask = np.ones((1, tokens), np.int64), np.ones((1, tokens), np.bool_)
    try:
        Graph(encoder.read_bytes(), "encoder", 1).run({"ids": ids, "mask": mask, "speaker": np.zeros(1, np.int64)})
    except Exception as error:  # ONNX Runtime has no class of its own for what a node cannot do
        raise SsmphonyError(
            f"voice.model.text_mixer {config.text_mixer.kind} cannot be exported for texts of any length: train with "
            "attention or mamba2"
        ) from error


def export_latent_codec(codec: JepaLatent, folder: Path) -> tuple[dict[str, GraphFile], CodecEntry]:
    batch, time = torch.export.Dim("batch", max=1024), torch.export.Dim("time", max=1024)
    frames = torch.zeros(2, 8, codec.config.d_latent)
    inputs = {"frames": frames, "mask": torch.ones(2, 8, dtype=torch.bool)}
    graph = LatentVocoderGraph(codec)
    fresh = codec.initial_state(2)
    state = graph.flat.flatten((*fresh[:-1], fresh.vocoder.trunk))
    axes: list[Any] = [{0: batch, 1: time}, {0: batch, 1: time}, *({0: batch} for _ in state)]
    outputs = ["log_magnitude", "phase", "present"]
    decoder = write_graph(graph, inputs, state, axes, outputs, folder / "codec_decoder.onnx")
    inputs = {"mel": torch.zeros(2, 8, codec.config.format.n_mels)}
    time = STRIDE * torch.export.Dim("latents", max=LONGEST)
    encoder = write_graph(
        LatentEncoderGraph(codec), inputs, (), [{0: batch, 1: time}], ["frames"], folder / "codec_encoder.onnx"
    )
    mel = codec.config.format
    entry = CodecEntry(
        runtime="spectrum",
        **vars(codec.grid),
        lookahead=codec.lookahead,
        stft=StftEntry(n_fft=mel.n_fft, hop_length=mel.hop_length),
        mel=mel,
    )
    return {"codec_decoder": graph_file(decoder), "codec_encoder": graph_file(encoder)}, entry
