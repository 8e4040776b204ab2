"""Tiny voice models of every registered kind, sentences for them, and their frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ssmphony.models import MODELS
from ssmphony.types import Frames, Style, Tokens, Word

SYMBOLS, BLOCK, MEAN_FRAMES = 12, 8, 5.0
#: By kind and, where it has several forms, by the form.
TINY: dict[str, Any] = {
    f"{kind} {form}".strip(): config for kind, model in MODELS.items() for form, config in model.tiny(SYMBOLS).items()
}
STYLES = (Style(), Style(speed=1.7, pitch_semitones=3.0), Style(speed=0.6, speaker="other"))


def kinds(family: str) -> list[str]:
    """Those of ``TINY`` that are of a family."""
    return [kind for kind, config in TINY.items() if config.build().family == family]


def build(kind: str, block: int = BLOCK, seed: int = 0) -> Any:
    """A model whose weights all matter; its tokens last about five frames, or it ends by itself now and then."""
    torch.manual_seed(seed)
    model = TINY[kind].model_copy(update={"block": block}).build()
    if model.family == "autoregressive":
        if model.stop is None:
            nn.init.constant_(model.aligned.duration.head.bias, 0.7)
        else:
            nn.init.constant_(model.stop.bias, -1.0)
            nn.init.normal_(model.stop.weight, std=0.5)
        return model.eval()
    for name, parameter in model.named_parameters():
        if name.startswith(("duration.", "pitch.", "energy.", "contour.", "head.", "frame_prior.leave.")) or (
            ".shift." in name  # of a flow
        ):
            nn.init.normal_(parameter, std=0.3)
    nn.init.normal_(model.duration.head.weight, std=0.05)
    nn.init.constant_(model.duration.head.bias, float(np.log(MEAN_FRAMES)))
    return model.eval()


def set_end(model: Any, never: bool) -> None:
    """An autoregressive model never predicts the end, or does so at once."""
    if model.stop is None:  # durations say when it ends
        nn.init.constant_(model.aligned.duration.head.bias, 1e3 if never else -1e3)
        nn.init.zeros_(model.aligned.duration.head.weight)
    else:
        nn.init.constant_(model.stop.bias, -1e3 if never else 1e3)


def sentence(length: int, seed: int = 0) -> Tokens:
    """Silence, words of one to three tokens, a full stop: as a frontend makes them."""
    ids = np.random.default_rng((length, seed)).integers(3, SYMBOLS, length)
    ids[0], ids[-1] = 1, 2
    words: list[Word] = []
    first = 1
    while first < length - 1:
        stop = min(first + 1 + len(words) % 3, length - 1)
        words.append(Word("w", first, stop, first, stop))
        first = stop
    return Tokens(tuple(ids.tolist()), tuple("x" * length), tuple(words))


BATCH = (sentence(9), sentence(14), sentence(4))


def run(model: Any, state: Any, blocks: int) -> list[Frames]:
    """The next blocks."""
    made: list[Frames] = []
    for _ in range(blocks):
        frames, state = model.step(state)
        made.append(frames)
    return made


@torch.no_grad()
def speak(model: Any, batch: Sequence[Tokens], styles: Sequence[Style]) -> list[tuple[Tensor, Tensor]]:
    """Frames (n, channel) and the tokens they speak (n,) of each sentence, until every one is over."""
    state = model.begin(batch, styles)
    rows: list[list[tuple[Tensor, Tensor]]] = [[] for _ in batch]
    over = [False] * len(batch)
    for _ in range(200):
        frames, state = model.step(state)
        for row, length in enumerate(frames.lengths.tolist()):
            assert not (over[row] and length), "frames after the end"
            over[row] = over[row] or length < frames.values.shape[1]
            rows[row].append((frames.values[row, :length], frames.tokens[row, :length]))
        if all(over):
            return [(torch.cat([v for v, _ in row]), torch.cat([t for _, t in row])) for row in rows]
    raise AssertionError("a sentence does not end")
