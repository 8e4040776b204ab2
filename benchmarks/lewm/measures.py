"""What `report` and `voice` have in common: drift, what a recogniser reads, and how sentences end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from ssmphony.evaluation.models.recogniser import WEIGHTS, SpeechRecogniser, character_edits
from ssmphony.interfaces import Frontend
from ssmphony.models.lewm_model import LeWM
from ssmphony.training.lewm_losses import HORIZONS, mean_errors
from ssmphony.types import Samples, SsmphonyError, Style, Tokens

Row = dict[str, Any]
Hear = Callable[[Samples, int, str], float]
BATCH = 16
NEAR_END = 0.9
"""Speech that says it is over before this share of the tokens is spoken was cut off."""


def rollout(clips: Sequence[Row]) -> Row:
    """Means over the clips; the ratio is that of the clips that have room for the longest horizon."""
    errors = mean_errors([{int(h): torch.tensor(e) for h, e in clip["rollout"].items()} for clip in clips])
    long = [clip["rollout"] for clip in clips if HORIZONS[-1] in clip["rollout"]]
    ratio = fmean(e[HORIZONS[-1]] for e in long) / fmean(e[1] for e in long) if long else None
    return {"errors": {step: float(error) for step, error in errors.items()}, "ratio": ratio, "clips": len(long)}


def listener(path: Path | None) -> Hear | None:
    """Character error of a sound against a text; None where no recogniser is there."""
    path = path or WEIGHTS
    if not path.exists():
        print(f"what a recogniser hears is left out: no {path}")
        return None
    try:
        listen = SpeechRecogniser(path)
    except SsmphonyError as error:
        print(f"what a recogniser hears is left out: {error}")
        return None

    def hear(sound: Samples, rate: int, text: str) -> float:
        found = character_edits(listen(sound, rate), text)
        wanted = sum(reference >= 0 for _, reference in found.pairs)
        return found.total / max(1, wanted)

    return hear


@torch.inference_mode()
def ends(model: LeWM, sentences: Sequence[Tokens]) -> Iterator[Row]:
    """How each sentence ends: the share of its tokens spoken by then, and whether the end was predicted."""
    for first in range(0, len(sentences), BATCH):
        batch = sentences[first : first + BATCH]
        state = model.begin(batch, [Style()] * len(batch))
        most = state.max_frames
        found: dict[int, Row] = {}
        while len(found) < len(batch):
            state, *_ = model.one_frame(state)
            for i in (i for i in range(len(batch)) if bool(state.done[i]) and i not in found):
                share = (int(state.token[i]) + 1) / len(batch[i])
                found[i] = {"share": share, "foreseen": bool(state.position[i] < most[i])}
        yield from (found[i] for i in range(len(batch)))


def mistakes(model: LeWM, frontend: Frontend, lines: Sequence[str]) -> Row:
    """How many sentences, the first of each line, end before most of their tokens are spoken, or only at the limit."""
    found = [next(iter(frontend.sentences(line)), None) for line in lines]
    sentences = [tokens for tokens in found if tokens is not None and 2 <= len(tokens) <= model.max_tokens]
    rows = list(ends(model, sorted(sentences, key=len)))
    late = sum(not row["foreseen"] for row in rows)
    cut = sum(row["foreseen"] and row["share"] < NEAR_END for row in rows)
    return {
        "sentences": len(rows),
        "never_foreseen": late,
        "cut_off": cut,
        "per_1000": 1000 * (late + cut) / len(rows),
    }
