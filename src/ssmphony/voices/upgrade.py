"""Voice packages of earlier formats, read as the newest.

Format 1 held the runtime's settings in three places: block and lookahead at the graphs, the frame grid in the codec's
training block, and the rest in code that knew each kind of model and codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssmphony.config import choose
from ssmphony.types import MelFormat, SsmphonyError

FORMAT_VERSION = 2

_MODELS: dict[str, dict[str, Any]] = {
    "s4_acoustic": {"family": "parallel", "graph": "decoder", "capabilities": ["pitch", "speed", "timing"]},
    "jepa_tts": {"family": "autoregressive", "graph": "predictor", "capabilities": []},
}
_CODECS = {"griffin_lim": "griffin_lim", "jepa_latent": "spectrum", "mel_vocoder": "spectrum"}
_LATENT_FRAMES = 4
"""Mel frames a latent of ``jepa_latent``."""


def upgrade(manifest: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A manifest as `ssmphony.voices.manifest` reads it; what is wrong with it is left for the reader to find.

    Raises `SsmphonyError` for a format from the future and for kinds that format 1 did not have.
    """
    version = manifest.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SsmphonyError(f"{where}: voice format {version} is newer than this ssmphony reads; update ssmphony")
    if version != 1:
        return dict(manifest)
    voice, graphs = manifest.get("voice"), manifest.get("graphs")
    if not isinstance(voice, dict) or not isinstance(graphs, dict):
        return dict(manifest)
    model, codec = (block if isinstance(block := voice.get(name), dict) else {} for name in ("model", "codec"))
    entries = {name: entry for name, entry in graphs.items() if isinstance(entry, dict)}
    return {
        **manifest,
        "format_version": FORMAT_VERSION,
        "model": _model(model, entries, where),
        "codec": _codec(codec, entries.get("vocoder", {})),
        "voice": upgrade_block(voice),
        "graphs": {
            _NEW_GRAPHS.get(name, name): _graph(entry, _NEW_NAMES.get(name, {}) if "predictor" in graphs else {})
            for name, entry in graphs.items()
        },
    }


_NEW_GRAPHS = {"vocoder": "codec_decoder"}
_NEW_NAMES = {
    "encoder": {"beginning": "start", "most": "max_frames", "spread": "noise_std"},
    "predictor": {"latent": "frame", "new_latent": "new_frame"},
}
"""Of inputs and outputs of autoregressive models."""
_NEW_KEYS = {
    "lewm": {
        "heard_noise": "input_noise",
        "most_latents": "extra_latents",
        "paced": "pace_head",
        "reach": "attention_window",
    }
}
"""Of the settings of models."""
RENAMED_KINDS = {"model": {"jepa_tts": "lewm"}, "codec": {"jepa_latent": "lewm"}}


def upgrade_block(voice: Mapping[str, Any]) -> dict[str, Any]:
    """A voice block, of a manifest or of an earlier training, with today's kinds and keys."""
    new = dict(voice)
    for part, kinds in RENAMED_KINDS.items():
        block = voice.get(part)
        if isinstance(block, dict) and block.get("kind") in kinds:
            new[part] = {**block, "kind": kinds[block["kind"]]}
    if isinstance(model := new.get("model"), dict):
        keys = _NEW_KEYS.get(str(model.get("kind")), {})
        new["model"] = {keys.get(key, key): value for key, value in model.items()}
    return new


def _model(block: Mapping[str, Any], graphs: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = choose(_MODELS, str(block.get("kind", "")), "model")
    graph = graphs.get(kind["graph"], {})
    if kind["graph"] in graphs and graph.get("block") is None:
        raise SsmphonyError(f"{where}: the {kind['graph']}'s block must be given; export the voice again")
    return {
        "family": kind["family"],
        "block": graph.get("block") or 1,
        "lookahead": graph.get("lookahead", 0),
        "max_tokens": block.get("max_seq"),
        "capabilities": kind["capabilities"],
    }


def _codec(block: Mapping[str, Any], graph: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(block.get("kind", ""))
    runtime = choose(_CODECS, kind, "codec")
    mel = {**vars(MelFormat()), **block.get("format", {})}
    latent = kind == "jepa_latent"
    return {
        "runtime": runtime,
        "sample_rate": mel["sample_rate"],
        "hop_length": mel["hop_length"] * (_LATENT_FRAMES if latent else 1),
        "channels": block.get("d_latent", 256) if latent else mel["n_mels"],
        "lookahead": graph.get("lookahead", 0),
        "stft": None if runtime == "griffin_lim" else {"n_fft": mel["n_fft"], "hop_length": mel["hop_length"]},
        "mel": None if latent else mel,
    }


def _graph(entry: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {**{key: value for key, value in entry.items() if key not in ("block", "lookahead")}, "names": dict(names)}
