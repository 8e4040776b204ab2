"""The judges that metrics ask: each is loaded once, and one that is absent is a line in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ssmphony.evaluation.dnsmos import Dnsmos
from ssmphony.evaluation.fidelity import Pesq, Stoi
from ssmphony.evaluation.intelligibility import WEIGHTS, Listener
from ssmphony.evaluation.opinions import Utmos, Whisper
from ssmphony.evaluation.speaker import SpeakerEncoder
from ssmphony.types import SsmphonyError

JUDGES: dict[str, Callable[[], Any]] = {
    "dnsmos": Dnsmos,
    "pesq": Pesq,
    "stoi": Stoi,
    "speaker": SpeakerEncoder,
    "utmos": Utmos,
    "whisper": Whisper,
}
"""Name → how it is loaded; raises `SsmphonyError` when it cannot be. The recogniser, `Listener`, takes a file."""
ONLINE = ("utmos", "whisper")
SLOW = ("speaker",)


class Judges(NamedTuple):
    """``found`` by name; ``missing``: name → the line that says why."""

    found: dict[str, Any]
    missing: dict[str, str]


def load_judges(recogniser: Path | None = None, *, online: bool = False, quick: bool = False) -> Judges:
    """All that can be loaded. ``online`` allows downloads; ``quick`` leaves the slow ones out."""
    left_out = {name: "left out: it downloads a network; allow it with --online" for name in ONLINE if not online}
    left_out |= {name: "left out by --quick" for name in SLOW if quick}
    loaders = {name: load for name, load in JUDGES.items() if name not in left_out}
    judges = _load({"recogniser": lambda: Listener(recogniser or WEIGHTS), **loaders}.items())
    return Judges(judges.found, {**judges.missing, **left_out})


def _load(loaders: Iterable[tuple[str, Callable[[], Any]]]) -> Judges:
    judges = Judges({}, {})
    for name, load in loaders:
        try:
            judges.found[name] = load()
        except SsmphonyError as error:
            judges.missing[name] = str(error)
    return judges
