"""A codec that was trained alone, as a folder: ``codec.json``, ONNX graphs, ``weights.safetensors`` and a card."""

from __future__ import annotations

from pathlib import Path

from ssmphony.codecs import CODECS
from ssmphony.codecs.codec import NetworkCodec
from ssmphony.config import choose, load_json, parse
from ssmphony.export.card import write_card
from ssmphony.export.graphs import write_graph
from ssmphony.export.source import CODEC_TASKS, task_of
from ssmphony.export.voice import CardConfig, codec_entry, new_folder
from ssmphony.export.weights import WEIGHTS, in_half_precision, read_weights, write_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import CodecManifest, graph_file, write_manifest

COMMANDS = ("ssmphony encode recording.wav -o frames.safetensors", "ssmphony decode frames.safetensors -o copy.wav")
"""That the card shows."""


def is_codec_run(run: Path) -> bool:
    """Whether a folder is a training of a codec alone, or a checkpoint in it."""
    return task_of(run).get("kind") in CODEC_TASKS


def export_codec(run: Path, card: CardConfig, out: Path) -> Path:
    """Write the codec of a training run, or of a checkpoint in it, as ``out``, which appears whole or not at all.

    `ssmphony.voices.package.load_codec` reads it. Raises `SsmphonyError` for anything but a trained codec.
    """
    block = load_json((run if run.is_dir() else run.parent) / "config.json")["voice"]["codec"]
    codec = parse(choose(CODECS, str(block.get("kind")), "codec"), block, f"{run}: voice.codec").build()
    if not isinstance(codec, NetworkCodec):
        raise SsmphonyError(f"{run}: a codec of kind '{block.get('kind')}' has no weights to export")
    load_exactly(codec, in_half_precision(read_weights(run, "codec")), run, "the codec")
    codec.eval().requires_grad_(False)
    with new_folder(out) as folder:
        graphs = {spec.name: graph_file(write_graph(spec, folder)) for spec in codec.graphs()}
        write_weights(folder / WEIGHTS, {"codec": codec})
        shown = card.model_dump(include={"name", "description", "licence", "attribution"})
        entry = codec_entry(codec)
        write_manifest(folder, CodecManifest(**shown, settings=block, codec=entry, graphs=graphs))
        write_card(folder, card, _facts(codec), [f"{command} --voice ./{out.name}" for command in COMMANDS])
    return out


def _facts(codec: NetworkCodec) -> str:
    grid, count = codec.grid, sum(parameter.numel() for parameter in codec.parameters())
    kind = "codes" if grid.codebooks else "numbers"
    return (
        f"{count / 1e6:.2f} million parameters, {grid.sample_rate} Hz, {grid.frame_rate:g} frames a second of "
        f"{grid.channels} {kind}"
    )
