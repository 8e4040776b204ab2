"""`FishSSM`: a trained token model with its frontend and codec, in PyTorch, as libraries of language models have it.

    fish = FishSSM.from_pretrained("runs/fish_ssm")
    fish.generate("नमस्ते").samples

For tuning and research. Voices are exported (`ssmphony export`) and speak without PyTorch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast, overload

import torch
from torch import Tensor, nn

from ssmphony.codecs import CODECS
from ssmphony.codecs.codec import NetworkCodec
from ssmphony.codecs.tensors import read_tensors
from ssmphony.config import VoiceBlock, choose, load_json, parse
from ssmphony.models.fish import FishConfig
from ssmphony.models.fish_model import Fish
from ssmphony.nn.weights import load_exactly
from ssmphony.text import FRONTENDS
from ssmphony.types import Audio, AudioChunk, SsmphonyError, Style, VoiceCard
from ssmphony.voice import Voice

CONFIG, WEIGHTS = "config.json", "model.safetensors"
MODEL_TYPE = "fish_ssm"


class FishSSM(nn.Module):
    """A frontend, a `Fish` and the codec of its codes. Weights are named ``model.…`` and ``codec.…``."""

    def __init__(self, block: VoiceBlock) -> None:
        """Fresh weights of the voice block of a training file.

        Raises:
            SsmphonyError: The block is wrong, or its model or codec is of another kind.
        """
        super().__init__()
        self.block = block
        frontend, model, codec = dict(block.frontend), dict(block.model), dict(block.codec)
        self.frontend = parse(
            choose(FRONTENDS, frontend.get("kind", ""), "frontend"), frontend, "voice.frontend"
        ).build()
        if model.get("kind") != "fish":
            raise SsmphonyError(f"FishSSM holds a model of kind 'fish', not '{model.get('kind')}'")
        self.model: Fish = parse(FishConfig, {"n_symbols": len(self.frontend.symbols), **model}, "voice.model").build()
        built = parse(choose(CODECS, codec.get("kind", ""), "codec"), codec, "voice.codec").build()
        if not isinstance(built, NetworkCodec):
            raise SsmphonyError(f"FishSSM holds a codec of codes, not one of kind '{codec.get('kind')}'")
        self.codec: NetworkCodec = built
        if self.codec.grid.codebooks != self.model.codebooks:
            raise SsmphonyError("voice.model.codebooks are not those of voice.codec: they must be equal")

    @classmethod
    def from_pretrained(cls, source: str | Path) -> FishSSM:
        """Read what `save_pretrained` wrote, from a folder or, with ``huggingface_hub`` installed, by its name there.

        Raises:
            SsmphonyError: There is no such folder or name, or its files do not fit each other.
        """
        folder = Path(source) if Path(source).is_dir() else _downloaded(str(source))
        settings = load_json(folder / CONFIG)
        if settings.get("model_type") != MODEL_TYPE:
            raise SsmphonyError(
                f"{folder / CONFIG}: not of a FishSSM (its model_type is {settings.get('model_type')!r})"
            )
        found = cls(parse(VoiceBlock, settings.get("voice", {}), str(folder / CONFIG)))
        load_exactly(found, read_tensors(folder / WEIGHTS), folder / WEIGHTS, "config.json")
        return found.eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, each whole or not at all."""
        from safetensors.torch import save

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = {"model_type": MODEL_TYPE, "voice": self.block.model_dump(mode="json")}
        files = {
            WEIGHTS: save({name: value.contiguous() for name, value in self.state_dict().items()}),
            CONFIG: (json.dumps(config, ensure_ascii=False, indent=2) + "\n").encode(),
        }
        for name, data in files.items():
            partial = folder / f".{name}.part"
            partial.write_bytes(data)
            os.replace(partial, folder / name)

    @overload
    def generate(self, text: str, style: Style = ..., *, stream: Literal[False] = ...) -> Audio: ...

    @overload
    def generate(self, text: str, style: Style = ..., *, stream: Literal[True]) -> Iterator[AudioChunk]: ...

    def generate(self, text: str, style: Style = Style(), *, stream: bool = False) -> Audio | Iterator[AudioChunk]:
        """Speak. With ``stream`` the sound comes in chunks, as it is made; their concatenation is the whole."""
        chunks = self._chunks(text, style)
        return chunks if stream else Audio.join(chunks, self.codec.grid.sample_rate)

    def _chunks(self, text: str, style: Style) -> Iterator[AudioChunk]:
        """In evaluation mode, without gradients; neither is left on between chunks."""
        card = VoiceCard(MODEL_TYPE, self.frontend.language, speakers=self.model.speaker_names)
        chunks = Voice(self.frontend, self.model, self.codec, card).speak(text, style)
        while True:
            training = self.training
            self.eval()
            with torch.no_grad():
                chunk = next(chunks, None)
            self.train(training)
            if chunk is None:
                return
            yield chunk

    def lora_target_modules(self, groups: Sequence[str]) -> list[str]:
        """As `Fish.lora_target_modules`, for ``peft.get_peft_model`` on this module."""
        return [f"model.{name}" for name in self.model.lora_target_modules(groups)]


def load_public_weights(model: Fish, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Start from a checkpoint of Fish-Speech: what its transformers did not learn, where shapes fit.

    Its attention and feed-forward layers have no counterpart here. The tables of tokens and codes, the projection into
    the fast model, its head and the last norms do.

    Args:
        model: Changed in place.
        weights: By the public names (``codebook_embeddings.weight``, ``fast_output.weight``, …).

    Returns:
        The names of the parameters that were loaded.

    Raises:
        SsmphonyError: None of them fits.
    """
    found = dict[str, Tensor](_renamed(model, weights))
    own = model.state_dict()
    fitting = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    if not fitting:
        raise SsmphonyError(
            "no weight of this checkpoint fits: d_model, codebooks, d_depth must be its dim, codebook_size, fast_dim"
        )
    model.load_state_dict({**own, **fitting})
    return tuple(sorted(fitting))


def _renamed(model: Fish, weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Public weights under the names that they would have here."""
    alike = {
        "embeddings.weight": "symbols.weight",
        "norm.weight": "norm.weight",
        "fast_project_in.weight": "depth.enter.weight",
        "fast_project_in.bias": "depth.enter.bias",
        "fast_output.weight": "depth.head.weight",
        "fast_norm.weight": "depth.norm.weight",
    }
    for public, name in alike.items():
        if public in weights:
            yield name, weights[public]
    size, count = model.codebooks[0], len(model.codebooks)
    tables = weights.get("codebook_embeddings.weight", torch.zeros(0))
    if len(tables) >= size * count:  # one below the other
        yield from ((f"codes.tables.{k}.weight", tables[k * size : (k + 1) * size]) for k in range(count))
    if (shared := weights.get("fast_embeddings.weight")) is not None:  # one for all codebooks
        yield from ((f"depth.code_tables.{k}.weight", shared[:size]) for k in range(count - 1))


def _downloaded(name: str) -> Path:
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise SsmphonyError(f"{name}: no such folder")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise SsmphonyError(f"{name}: no such folder; for a name of the hub, pip install huggingface_hub") from None
    try:
        return Path(cast("Any", snapshot_download)(name, allow_patterns=[CONFIG, WEIGHTS]))
    except Exception as error:  # the client has many classes for a name that is not there and for no network
        raise SsmphonyError(f"{name}: cannot be downloaded ({str(error).splitlines()[0]:.120})") from None
