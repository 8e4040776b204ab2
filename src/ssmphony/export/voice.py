"""`ssmphony export`: a trained model and a trained codec become a voice package of ONNX graphs.

The graphs are those that both declare, see `ssmphony.graph_spec`; nothing here knows a system.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import nn

from ssmphony.codecs import CODECS
from ssmphony.codecs.codec import Codec
from ssmphony.config import Config, VoiceBlock, choose, parse
from ssmphony.export.compact import compact
from ssmphony.export.graphs import write_graph
from ssmphony.export.int8 import quantise_codec
from ssmphony.export.speakers import offer, take_rows
from ssmphony.export.weights import (
    WEIGHTS,
    Part,
    in_half_precision,
    public_codec,
    read_weights,
    write_weights,
)
from ssmphony.models import MODELS
from ssmphony.nn.learned_state import add_learned_states, learned_names
from ssmphony.nn.weights import load_exactly
from ssmphony.text import FRONTENDS
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import CodecEntry, ModelEntry, StftEntry, VoiceManifest, graph_file, write_manifest

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
    """What people are shown in place of a speaker's name."""
    trained_speakers: dict[str, str] = Field(default_factory=dict[str, str])
    """The speakers that the voice offers, its own first, each with its name in the training; all where none is
    named."""


def export(
    voice: Mapping[str, Any],
    model_weights: Path,
    codec_weights: Path,
    card: CardConfig,
    out: Path,
    int8: bool = False,
) -> Path:
    """Write the voice package ``out``; it appears whole or not at all.

    ``voice`` is the voice block of the training file. The weights are run folders, checkpoints, ``.safetensors`` files
    or other voice packages; a file of public Vocos weights brings its own codec block. With ``int8`` the products of
    the codec's graph are those of integers, see `ssmphony.export.int8`, and filters and tables take fewer bits, see
    `ssmphony.export.compact`. Raises `SsmphonyError` where they do not fit.
    """
    rows: list[int] | None = None
    if card.trained_speakers:
        voice, rows = offer(voice, card.trained_speakers)
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
    weights = in_half_precision(read_weights(model_weights, "model"))
    if rows is not None:
        weights = take_rows(weights, model.speaker_tables, rows)
    add_learned_states(model, learned_names(weights))
    load_exactly(model, weights, model_weights, "voice.model")
    parts: dict[Part, nn.Module] = {"model": model}
    if isinstance(codec, nn.Module):  # Griffin-Lim has no weights
        load_exactly(codec, in_half_precision(read_weights(codec_weights, "codec")), codec_weights, "voice.codec")
        parts["codec"] = codec.eval()
    with new_folder(out) as folder:
        specs = [spec for part in (model.eval(), codec) for spec in part.graphs()]
        graphs = {spec.name: graph_file(write_graph(spec, folder)) for spec in specs}
        write_weights(folder / WEIGHTS, parts)
        manifest = VoiceManifest(
            **card.model_dump(exclude={"trained_speakers"}),
            speakers=model_config.speakers,
            symbols=frontend.symbols,
            voice=VoiceBlock.model_validate(with_lexicon(voice, folder)),
            model=model_entry(model),
            codec=codec_entry(codec),
            graphs=graphs,
        )
        write_manifest(folder, manifest)
        if int8:
            quantise_codec(folder)
            entries = {name: graph_file(path) for name, path in compact(folder).items()}
            write_manifest(folder, manifest.model_copy(update={"graphs": entries}))
    return out


@contextmanager
def new_folder(out: Path) -> Generator[Path, None, None]:
    """A folder that becomes ``out`` when the block ends without an error; `SsmphonyError` where ``out`` exists."""
    if out.exists():
        raise SsmphonyError(f"{out} exists; remove it or choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        folder = Path(scratch) / "voice"
        folder.mkdir()
        yield folder
        os.replace(folder, out)


def with_lexicon(voice: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The voice block, with a copy of its user lexicon in ``folder`` if it has one."""
    source = voice["frontend"].get("lexicon")
    if not source:
        return voice
    shutil.copyfile(source, folder / LEXICON)
    return {**voice, "frontend": {**voice["frontend"], "lexicon": LEXICON}}


def model_entry(model: Any) -> ModelEntry:
    """How the runtime has to run a model."""
    return ModelEntry(
        family=model.family,
        block=model.block,
        lookahead=model.lookahead,
        max_tokens=model.max_tokens,
        capabilities=tuple(sorted(model.capabilities)),
        reference_inputs=model.reference_inputs,
        reference_mel=model.reference_mel,
        max_frames=model.max_frames if model.family == "sentence" else None,
        sampler=model.sampler,
        delay=model.delay,
    )


def codec_entry(codec: Codec) -> CodecEntry:
    """How the runtime has to run a codec."""
    return CodecEntry(
        runtime=codec.runtime,
        **vars(codec.grid),
        lookahead=codec.lookahead,
        max_frames=codec.max_frames,
        stft=None if codec.stft is None else StftEntry(**codec.stft._asdict()),
        mel=codec.mel,
    )
