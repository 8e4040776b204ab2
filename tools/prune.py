"""Start a smaller voice from a trained one: remove the layers and hidden units that matter least.

    python tools/prune.py voices/recorded pruned.safetensors --decoder-layers 3 --codec-layers 4 --intermediate 512
    python tools/prune.py VOICE pruned.safetensors --text-layers 2 --codec-layers 5 --intermediate 384

Every way to leave that many layers out is tried on the voice's own sentences, and the one kept that changes their mel
least (in text encoders: the states of the phones); hidden units of the codec go by what they add on average. The result
is for `ssmphony train --init` with a voice block of those sizes: the removal costs quality that some further training
restores.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.audio.mel import log_mel
from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.codecs.spectrum import SpectrumGenerator
from ssmphony.export.weights import read_weights, write_weights
from ssmphony.models.parallel import ParallelModel, expand_tokens
from ssmphony.models.s4_acoustic import S4Acoustic
from ssmphony.models.s4_spectrum import S4Spectrum
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import VoiceConfig
from ssmphony.types import MelFormat, Style, Tokens
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import load, locate

TEXT = (
    "आज सुबह से बारिश हो रही है, इसलिए हम घर पर ही रहेंगे और किताबें पढ़ेंगे।",
    "क्या तुमने कभी जंगल में शेर को दौड़ते हुए देखा है?",
    "छोटी चिड़िया ने पूछा, मेरा घोंसला कहाँ गया?",
    "एक गाँव में एक बूढ़ा किसान अपने चार बेटों के साथ रहता था।",
)

Weights = dict[str, Tensor]


class Spoken(NamedTuple):
    """One sentence before the decoder: x (1, time, channel) and mask (1, time)."""

    x: Tensor
    mask: Tensor


def keep_layers(weights: Weights, prefix: str, kept: Sequence[int], first: int = 0) -> Weights:
    """The weights with only the layers ``kept`` of the list at ``prefix``, renumbered from ``first``; those before
    ``first`` stay."""
    places = {**{i: i for i in range(first)}, **{old: new for new, old in enumerate(kept, first)}}
    result: Weights = {}
    for name, value in weights.items():
        if not name.startswith(prefix):
            result[name] = value
            continue
        layer, _, rest = name.removeprefix(prefix).partition(".")
        if int(layer) in places:
            result[f"{prefix}{places[int(layer)]}.{rest}"] = value
    return result


def closest(candidates: Iterator[tuple[int, ...]], distance: Callable[[tuple[int, ...]], float]) -> tuple[int, ...]:
    """The candidate of least distance; prints each."""
    scores: dict[tuple[int, ...], float] = {}
    for kept in candidates:
        scores[kept] = distance(kept)
        print(f"{scores[kept]:.4f}  keeping {', '.join(map(str, kept))}", flush=True)
    return min(scores, key=scores.__getitem__)


def prune_decoder(model: S4Acoustic, layers: int, sentences: Sequence[Spoken]) -> S4Acoustic:
    """Keep ``layers`` of the decoder's state-space layers."""
    wanted = [model.decode_all(*sentence) for sentence in sentences]
    first = len(model.decoder.layers) - model.config.decoder_layers

    def build(kept: Sequence[int]) -> S4Acoustic:
        smaller = model.config.model_copy(update={"decoder_layers": len(kept)}).build().eval()
        smaller.load_state_dict(keep_layers(model.state_dict(), "decoder.layers.", kept, first))
        return smaller

    def distance(kept: tuple[int, ...]) -> float:
        smaller = build(kept)
        return fmean([_apart(smaller.decode_all(*one), mel) for one, mel in zip(sentences, wanted, strict=True)])

    return build(closest(combinations(range(first, len(model.decoder.layers)), layers), distance))


def prune_encoders(model: S4Spectrum, layers: int, tokens: Sequence[Tokens]) -> S4Spectrum:
    """Keep ``layers`` of the S4 blocks of each of the two text encoders."""
    wanted = [_encoded(model, one) for one in tokens]
    whole = model.config.n_layers

    def build(kept: dict[str, Sequence[int]]) -> Weights:
        weights = model.state_dict()
        for encoder, layers in kept.items():
            weights = keep_layers(weights, f"{encoder}.layers.", layers)
        return weights

    kept: dict[str, Sequence[int]] = {}
    for encoder in ("text", "prosody"):

        def distance(candidate: tuple[int, ...], encoder: str = encoder) -> float:
            silent = [number for number in range(whole) if number not in candidate]
            return fmean(
                [_apart(_without(model, encoder, silent, one), old) for one, old in zip(tokens, wanted, strict=True)]
            )

        kept[encoder] = closest(combinations(range(whole), layers), distance)
    smaller = model.config.model_copy(update={"n_layers": layers}).build().eval()
    smaller.load_state_dict(build(kept))
    return smaller


def _encoded(model: S4Spectrum, tokens: Tokens) -> Tensor:
    return model.begin([tokens], [Style()]).encoded


def _without(model: S4Spectrum, encoder: str, silent: Sequence[int], tokens: Tokens) -> Tensor:
    """What the model reads when some layers of an encoder leave their input as it is."""
    layers = getattr(model, encoder).layers
    hooks = [layers[number].register_forward_hook(lambda _, inputs, __: inputs[0]) for number in silent]
    try:
        return _encoded(model, tokens)
    finally:
        for hook in hooks:
            hook.remove()


Codec = MelVocoder | SpectrumGenerator


def prune_codec(codec: Codec, layers: int, intermediate: int, sentences: Sequence[Tensor]) -> Codec:
    """Keep ``layers`` ConvNeXt blocks and ``intermediate`` hidden units of each. The sentences are frames."""
    wanted = [_mel(codec, frames) for frames in sentences]

    def build(kept: Sequence[int]) -> Codec:
        weights = keep_layers(codec.state_dict(), "blocks.", kept)
        if isinstance(codec, SpectrumGenerator):
            size = {"blocks": tuple(codec.config.blocks[number] for number in kept)}
            weights |= _speakers_before(codec, kept)
            weights = {name: value for name, value in weights.items() if not _is_beyond(name, len(kept))}
        else:
            size = {"n_layers": len(kept)}
        smaller = codec.config.model_copy(update=size).build().eval()
        smaller.load_state_dict(weights)
        return smaller

    def distance(kept: tuple[int, ...]) -> float:
        smaller = build(kept)
        return fmean([_apart(_mel(smaller, one), expected) for one, expected in zip(sentences, wanted, strict=True)])

    return narrow(build(closest(combinations(range(len(codec.blocks)), layers), distance)), intermediate, sentences)


def _speakers_before(codec: SpectrumGenerator, kept: Sequence[int]) -> Weights:
    """The projections of the speaker before the blocks that are kept: those before a block that goes are added."""
    weights, result, first = codec.state_dict(), Weights(), 0
    for place, number in enumerate(kept):
        added = [weights[f"speakers.{block}.weight"] for block in range(first, number + 1)]
        result[f"speakers.{place}.weight"] = torch.stack(added).sum(dim=0)
        first = number + 1
    return result


def _is_beyond(name: str, count: int) -> bool:
    return name.startswith("speakers.") and int(name.split(".")[1]) >= count


def _mel(codec: Codec, frames: Tensor) -> Tensor:
    """Log-mel of the sound of frames (1, time, channel)."""
    sound = codec(frames)
    if isinstance(codec, MelVocoder):
        return codec.encode(sound)
    return torch.from_numpy(log_mel(sound[0].numpy(), MelFormat(sample_rate=codec.grid.sample_rate)))


def narrow(codec: Codec, intermediate: int, sentences: Sequence[Tensor]) -> Codec:
    """Keep the hidden units whose mean size times the length of their column in the second layer is largest."""
    weights = codec.state_dict()
    for i, block in enumerate(codec.blocks):
        sizes: list[Tensor] = []
        hook = block.pwconv1.register_forward_hook(
            lambda *call, sizes=sizes: sizes.append(F.gelu(call[2]).abs().mean((0, 1)))
        )
        for frames in sentences:
            codec(frames)
        hook.remove()
        added = torch.stack(sizes).mean(0) * (block.pwconv2.weight * block.gamma[:, None]).norm(dim=0)
        top = added.topk(intermediate).indices.sort().values
        print(f"block {i}: {added[top].sum() / added.sum():.0%} of what its hidden units add")
        for name, axis in {"pwconv1.weight": 0, "pwconv1.bias": 0, "pwconv2.weight": 1}.items():
            weights[f"blocks.{i}.{name}"] = weights[f"blocks.{i}.{name}"].index_select(axis, top)
    smaller = codec.config.model_copy(update={"intermediate": intermediate}).build().eval()
    smaller.load_state_dict(weights)
    return smaller


def _apart(a: Tensor, b: Tensor) -> float:
    return (a - b).abs().mean().item()


def frames_of(model: ParallelModel, tokens: Tokens) -> Tensor:
    """The frames (1, time, channel) of a sentence."""
    state = model.begin([tokens], [Style()])
    parts: list[Tensor] = []
    while sum(part.shape[1] for part in parts) < int(state.ends[0, -1]):
        block, state = model.step(state)
        parts.append(block.values[:, : int(block.lengths[0])])
    return torch.cat(parts, dim=1)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice with its weights: a name or a folder")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--decoder-layers", type=int, help="of s4_acoustic; default: unchanged")
    parser.add_argument("--text-layers", type=int, help="of each text encoder of s4_spectrum; default: unchanged")
    parser.add_argument("--codec-layers", type=int, help="default: unchanged")
    parser.add_argument("--intermediate", type=int, help="hidden units of the codec's blocks; default: unchanged")
    arguments = parser.parse_args()
    folder = locate(arguments.voice)
    manifest = read_manifest(folder)
    voice = VoiceConfig.model_validate(manifest.model_dump()["voice"])
    model, codec = voice.model_settings(len(voice.frontend_symbols())).build(), voice.codec_settings().build()
    load_exactly(model, read_weights(folder, "model"), folder, "voice.model")
    load_exactly(codec, read_weights(folder, "codec"), folder, "voice.codec")
    model.eval()
    codec.eval()
    frontend = load(folder).frontend
    tokens = [next(iter(frontend.sentences([text]))) for text in TEXT]
    if isinstance(model, S4Spectrum):
        frames = [frames_of(model, one) for one in tokens]
        model = prune_encoders(model, arguments.text_layers or model.config.n_layers, tokens)
    else:
        sentences = [spoken(model, one) for one in tokens]
        frames = [model.denormalise(model.decode_all(*sentence)) for sentence in sentences]
        model = prune_decoder(model, arguments.decoder_layers or model.config.decoder_layers, sentences)
    layers = arguments.codec_layers or len(codec.blocks)
    codec = prune_codec(codec, layers, arguments.intermediate or codec.config.intermediate, frames)
    write_weights(arguments.out, {"model": model, "codec": codec})


def spoken(model: S4Acoustic, tokens: Tokens) -> Spoken:
    state = model.begin([tokens], [Style()])
    x, mask, _ = expand_tokens(state.encoded, state.ends, torch.zeros(1, dtype=torch.long), int(state.ends[0, -1]))
    return Spoken(x, mask)


if __name__ == "__main__":
    main()
