"""`ssmphony export`: a trained acoustic model and a trained vocoder become a voice package of ONNX graphs.

Every graph takes its state as inputs ``state_0`` … and returns ``new_state_0`` …; the first axis is the batch. See
`ssmphony.runtime` for who runs them.
"""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.codecs import CODECS
from ssmphony.codecs.jepa_latent import JepaLatent
from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.config import Config, VoiceBlock, choose, parse
from ssmphony.models import MODELS
from ssmphony.models.jepa_tts import JepaTTS
from ssmphony.models.s4_acoustic import FRAME_FEATURES, S4Acoustic
from ssmphony.ssm.fixed import fixed
from ssmphony.ssm.fixed_block import fixed_blocks
from ssmphony.text import FRONTENDS
from ssmphony.types import SsmphonyError
from ssmphony.voices.export_jepa import export_latent_codec, export_predictor
from ssmphony.voices.graphs import FlatState, write_graph
from ssmphony.voices.manifest import (
    CodecEntry,
    GraphFile,
    ModelEntry,
    StftEntry,
    VoiceManifest,
    graph_file,
    write_manifest,
)
from ssmphony.voices.weights import (
    WEIGHTS,
    Part,
    in_half_precision,
    public_codec,
    read_weights,
    write_weights,
)

LEXICON = "lexicon.tsv"
"""The user lexicon of the training, in the voice's folder."""


class CardConfig(Config):
    """What a person reads of a voice; see `VoiceCard`."""

    name: str
    language: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    speaker_names: dict[str, str] = Field(default_factory=dict[str, str])


def export(voice: Mapping[str, Any], model_weights: Path, codec_weights: Path, card: CardConfig, out: Path) -> Path:
    """Write the voice package ``out``; it appears whole or not at all.

    ``voice`` is the voice block of the training file. The weights are run folders, checkpoints, ``.safetensors`` files
    or other voice packages; a file of public Vocos weights brings its own codec block. Raises `SsmphonyError` where
    they do not fit.
    """
    frontend = parse(choose(FRONTENDS, voice["frontend"].get("kind", ""), "frontend"), voice["frontend"]).build()
    model_kind = choose(MODELS, voice["model"].get("kind", ""), "model")
    model_config = parse(model_kind, {"n_symbols": len(frontend.symbols), **voice["model"]}, "voice.model")
    for speaker in card.speaker_names:
        choose(dict.fromkeys(model_config.speakers), speaker, "speaker of speaker_names")
    model = model_config.build()
    if voice["codec"].get("kind") == "mel_vocoder" and (public := public_codec(codec_weights)):
        if "format" in voice["codec"]:
            raise SsmphonyError(
                f"{codec_weights}: a public vocoder takes the default audio format, this voice has its own"
            )
        voice = {**voice, "codec": public}
    codec = parse(choose(CODECS, voice["codec"].get("kind", ""), "codec"), voice["codec"], "voice.codec").build()
    _load(model, in_half_precision(read_weights(model_weights, "model")), model_weights)
    parts: dict[Part, nn.Module] = {"model": model}
    if isinstance(codec, nn.Module):  # Griffin-Lim has no weights
        _load(codec, in_half_precision(read_weights(codec_weights, "codec")), codec_weights)
        parts["codec"] = codec
    if out.exists():
        raise SsmphonyError(f"{out} exists; remove it or choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        folder = Path(scratch) / "voice"
        folder.mkdir()
        graphs, model_entry = _export_model(model.eval(), folder)
        codec_graphs, codec_entry = _export_codec(codec, folder)
        write_weights(folder / WEIGHTS, parts)
        manifest = VoiceManifest(
            **card.model_dump(),
            speakers=model_config.speakers,
            symbols=frontend.symbols,
            voice=VoiceBlock.model_validate(with_lexicon(voice, folder)),
            model=model_entry,
            codec=codec_entry,
            graphs={**graphs, **codec_graphs},
        )
        write_manifest(folder, manifest)
        os.replace(folder, out)
    return out


def with_lexicon(voice: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The voice block, with a copy of its user lexicon in ``folder`` if it has one."""
    source = voice["frontend"].get("lexicon")
    if not source:
        return voice
    shutil.copyfile(source, folder / LEXICON)
    return {**voice, "frontend": {**voice["frontend"], "lexicon": LEXICON}}


def _load(module: nn.Module, weights: Mapping[str, Tensor], source: Path) -> None:
    own = module.state_dict()
    for name in [*own, *weights]:
        if name not in own or name not in weights or own[name].shape != weights[name].shape:
            raise SsmphonyError(f"{source}: the weights do not fit the voice block (at '{name}')")
    module.load_state_dict(weights)


def _export_model(model: nn.Module, folder: Path) -> tuple[dict[str, GraphFile], ModelEntry]:
    if isinstance(model, JepaTTS):
        return export_predictor(model, folder)
    assert isinstance(model, S4Acoustic)
    return _export_acoustic(model, folder)


def _export_codec(codec: Any, folder: Path) -> tuple[dict[str, GraphFile], CodecEntry]:
    if isinstance(codec, JepaLatent):
        return export_latent_codec(codec.eval(), folder)
    if isinstance(codec, MelVocoder):
        return _export_vocoder(codec.eval(), folder)
    grid = vars(codec.grid)
    return {}, CodecEntry(runtime="griffin_lim", **grid, lookahead=codec.lookahead, mel=codec.format)


class EncoderGraph(nn.Module):
    """A sentence at once; the two-sided kernels are constants."""

    def __init__(self, model: S4Acoustic) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        self.model.encoder = fixed(model.encoder, model.config.max_seq)  # type: ignore[assignment]

    def forward(
        self, ids: Tensor, word_positions: Tensor, mask: Tensor, speaker: Tensor, pitch_semitones: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.model.read(ids, word_positions, mask, speaker, pitch_semitones)


class DecoderGraph(nn.Module):
    """One block of frames, log-mel out; what depends on parameters is a constant where the mixer is S4D."""

    def __init__(self, model: S4Acoustic) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        self.model.decoder = fixed_blocks(model.decoder, model.config.block)  # type: ignore[assignment]
        self.spec = pytree.tree_structure(model.decoder.initial_state(1))

    def forward(self, x: Tensor, mask: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        mel, new = self.model.decode(x, mask, pytree.tree_unflatten(list(state), self.spec))
        return (self.model.denormalise(mel), *pytree.tree_leaves(new))


class VocoderGraph(nn.Module):
    """Any number of frames; the inverse STFT is done by the runtime."""

    def __init__(self, codec: MelVocoder) -> None:
        super().__init__()
        self.codec = codec
        self.flat = FlatState(codec.initial_state(1).trunk)

    def forward(self, frames: Tensor, mask: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        spectrum, new = self.codec.trunk(frames, mask, self.flat.unflatten(state, frames.shape[0]))
        return (*spectrum[:3], *self.flat.flatten(new))


def _export_acoustic(model: S4Acoustic, folder: Path) -> tuple[dict[str, GraphFile], ModelEntry]:
    config = model.config
    batch, tokens = torch.export.Dim("batch", max=1024), torch.export.Dim("tokens", min=2, max=config.max_seq)
    inputs = {  # each a tensor of its own: the tracer merges inputs that are one object
        "ids": torch.ones(2, 7, dtype=torch.long),
        "word_positions": torch.ones(2, 7, dtype=torch.long),
        "mask": torch.ones(2, 7, dtype=torch.bool),
        "speaker": torch.zeros(2, dtype=torch.long),
        "pitch_semitones": torch.zeros(2, 7),
    }
    axes = [{0: batch, 1: tokens} if value.ndim == 2 else {0: batch} for value in inputs.values()]
    encoder = write_graph(EncoderGraph(model), inputs, (), axes, ["encoded", "log_durations"], folder / "encoder.onnx")
    x = torch.zeros(2, config.block, config.d_model + FRAME_FEATURES)
    inputs = {"x": x, "mask": torch.ones(2, config.block, dtype=torch.bool)}
    state = pytree.tree_leaves(model.decoder.initial_state(2))
    axes = [{0: batch} for _ in (*inputs, *state)]
    decoder = write_graph(DecoderGraph(model), inputs, state, axes, ["frames"], folder / "decoder.onnx")
    entry = ModelEntry(
        family="parallel",
        block=config.block,
        lookahead=config.lookahead,
        max_tokens=config.max_seq,
        capabilities=tuple(sorted(model.capabilities)),
    )
    return {"encoder": graph_file(encoder), "decoder": graph_file(decoder)}, entry


def _export_vocoder(codec: MelVocoder, folder: Path) -> tuple[dict[str, GraphFile], CodecEntry]:
    batch, time = torch.export.Dim("batch", max=1024), torch.export.Dim("time", max=4096)
    inputs = {"frames": torch.zeros(2, 8, codec.format.n_mels), "mask": torch.ones(2, 8, dtype=torch.bool)}
    graph = VocoderGraph(codec)
    state = graph.flat.flatten(codec.initial_state(2).trunk)
    axes: list[Any] = [{0: batch, 1: time}, {0: batch, 1: time}, *({0: batch} for _ in state)]
    outputs = ["log_magnitude", "phase", "present"]
    path = write_graph(graph, inputs, state, axes, outputs, folder / "codec_decoder.onnx")
    stft = StftEntry(n_fft=codec.format.n_fft, hop_length=codec.format.hop_length)
    entry = CodecEntry(runtime="spectrum", **vars(codec.grid), lookahead=codec.lookahead, stft=stft, mel=codec.format)
    return {"codec_decoder": graph_file(path)}, entry
