"""Start a smaller voice from a trained one: remove the layers and hidden units that matter least.

    python tools/prune.py default pruned.safetensors --decoder-layers 3 --vocoder-layers 4 --intermediate 512

Every way to leave that many layers out is tried on the voice's own sentences, and the one kept that changes their mel
least; hidden units of the vocoder go by what they add on average. The result is for `ssmphony train --init` with a
voice block of those sizes: the removal costs quality that some further training restores.
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

from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.export.weights import read_weights, write_weights
from ssmphony.models.parallel import expand_tokens
from ssmphony.models.s4_acoustic import S4Acoustic
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import VoiceConfig
from ssmphony.types import Style
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


def prune_vocoder(codec: MelVocoder, layers: int, intermediate: int, mels: Sequence[Tensor]) -> MelVocoder:
    """Keep ``layers`` ConvNeXt blocks and ``intermediate`` hidden units of each."""
    wanted = [codec.encode(codec(mel)) for mel in mels]

    def build(kept: Sequence[int]) -> MelVocoder:
        smaller = codec.config.model_copy(update={"n_layers": len(kept)}).build().eval()
        smaller.load_state_dict(keep_layers(codec.state_dict(), "blocks.", kept))
        return smaller

    def distance(kept: tuple[int, ...]) -> float:
        smaller = build(kept)
        return fmean(
            [_apart(smaller.encode(smaller(mel)), expected) for mel, expected in zip(mels, wanted, strict=True)]
        )

    return narrow(build(closest(combinations(range(codec.config.n_layers), layers), distance)), intermediate, mels)


def narrow(codec: MelVocoder, intermediate: int, mels: Sequence[Tensor]) -> MelVocoder:
    """Keep the hidden units whose mean size times the length of their column in the second layer is largest."""
    weights = codec.state_dict()
    for i, block in enumerate(codec.blocks):
        sizes: list[Tensor] = []
        hook = block.pwconv1.register_forward_hook(
            lambda *call, sizes=sizes: sizes.append(F.gelu(call[2]).abs().mean((0, 1)))
        )
        for mel in mels:
            codec(mel)
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


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice", help="a voice with its weights: a name or a folder")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--decoder-layers", type=int, help="default: unchanged")
    parser.add_argument("--vocoder-layers", type=int, help="default: unchanged")
    parser.add_argument("--intermediate", type=int, help="default: unchanged")
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
    sentences = []
    for text in TEXT:
        state = model.begin(list(frontend.sentences([text]))[:1], [Style()])
        x, mask, _ = expand_tokens(state.encoded, state.ends, torch.zeros(1, dtype=torch.long), int(state.ends[0, -1]))
        sentences.append(Spoken(x, mask))
    mels = [model.denormalise(model.decode_all(*sentence)) for sentence in sentences]
    write_weights(
        arguments.out,
        {
            "model": prune_decoder(model, arguments.decoder_layers or model.config.decoder_layers, sentences),
            "codec": prune_vocoder(
                codec,
                arguments.vocoder_layers or codec.config.n_layers,
                arguments.intermediate or codec.config.intermediate,
                mels,
            ),
        },
    )


if __name__ == "__main__":
    main()
