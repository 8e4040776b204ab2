"""The evaluator models that metrics ask. Each is loaded once; one that is absent is a line in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ssmphony.evaluation.metrics.fidelity import Pesq, Stoi
from ssmphony.evaluation.models.distillmos import DistillMos
from ssmphony.evaluation.models.dnsmos import Dnsmos
from ssmphony.evaluation.models.downloaded import Utmos, WavLM, Whisper
from ssmphony.evaluation.models.recogniser import WEIGHTS, SpeechRecogniser
from ssmphony.evaluation.models.speaker import SpeakerEncoder
from ssmphony.types import SsmphonyError

MODELS: dict[str, Callable[[], Any]] = {
    "distillmos": DistillMos,
    "dnsmos": Dnsmos,
    "pesq": Pesq,
    "stoi": Stoi,
    "speaker": SpeakerEncoder,
    "utmos": Utmos,
    "wavlm": WavLM,
    "whisper": Whisper,
}
"""Name → how it is loaded; raises `SsmphonyError` when it cannot be. `SpeechRecogniser` is missing: it takes a file."""
ONLINE = ("utmos", "wavlm", "whisper")
SLOW = ("speaker",)


class Models(NamedTuple):
    """``found`` by name; ``missing``: name → the line that says why."""

    found: dict[str, Any]
    missing: dict[str, str]


def load_models(
    recogniser: Path | None = None, *, language: str = "", online: bool = False, quick: bool = False
) -> Models:
    """All that can be loaded for a voice of ``language``, a BCP 47 code; empty: any.

    ``online`` allows downloads; ``quick`` leaves the slow ones out.
    """
    left_out = {name: "left out: it downloads a network; allow it with --online" for name in ONLINE if not online}
    left_out |= {name: "left out by --quick" for name in SLOW if quick}
    known: dict[str, Callable[[], Any]] = {**MODELS, "whisper": lambda: Whisper(language)}
    loaders = {name: load for name, load in known.items() if name not in left_out}
    models = _load({"recogniser": lambda: SpeechRecogniser(recogniser or WEIGHTS, language), **loaders}.items())
    return Models(models.found, {**models.missing, **left_out})


def _load(loaders: Iterable[tuple[str, Callable[[], Any]]]) -> Models:
    models = Models({}, {})
    for name, load in loaders:
        try:
            models.found[name] = load()
        except SsmphonyError as error:
            models.missing[name] = str(error)
    return models
