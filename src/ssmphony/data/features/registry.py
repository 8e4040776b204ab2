"""Features by name, and which of them a task needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ssmphony.config import choose
from ssmphony.data.features.codes import CodesFeature
from ssmphony.data.features.durations import DurationsFeature, KnownDurationsFeature
from ssmphony.data.features.energy import EnergyFeature
from ssmphony.data.features.f0 import F0Feature
from ssmphony.data.features.feature import Feature
from ssmphony.data.features.mel import MelFeature
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.interfaces import Encoder
from ssmphony.types import FrameGrid, MelFormat, SsmphonyError

REFERENCE = "reference"
"""The one feature that is of another clip: see `ssmphony.data.features.reference`."""


@dataclass(frozen=True)
class Needs:
    """What a task needs of each clip. Times, and the samples' rate, are those of ``grid``, the codec's frames.

    ``mel`` is the format of the log-mel, where that is needed; ``encoder`` and its ``identity`` are those of ``codes``.
    ``reference_s`` and ``seed`` are of the stretches of other clips. Raises `SsmphonyError` for an unknown name.
    """

    names: tuple[str, ...]
    grid: FrameGrid
    mel: MelFormat | None = None
    encoder: Encoder | None = None
    identity: str = ""
    reference_s: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.names:
            choose({**FEATURES, REFERENCE: None}, name, "feature")

    @classmethod
    def of_mel(cls, mel_format: MelFormat, names: tuple[str, ...] = ("mel", "f0")) -> Needs:
        """Log-mel frames, and whatever else ``names`` says on the same grid."""
        return cls(names, mel_format.grid, mel_format)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Those of one clip, in the order of ``names``."""
        return tuple(FEATURES[name](self) for name in self.names if name != REFERENCE)


def _mel(needs: Needs) -> Feature:
    if needs.mel is None:
        raise SsmphonyError("this task needs log-mel frames, and the codec of the voice block has none")
    return MelFeature(needs.mel)


def _codes(needs: Needs) -> Feature:
    if needs.encoder is None:
        raise SsmphonyError("this task needs frames of a codec's encoder: name a voice or a trained codec that has one")
    return CodesFeature(needs.encoder, needs.identity)


FEATURES: dict[str, Callable[[Needs], Feature]] = {
    "codes": _codes,
    "durations": lambda needs: DurationsFeature(needs.grid),
    "energy": lambda needs: EnergyFeature(needs.grid),
    "f0": lambda needs: F0Feature(needs.grid, 0.5 if needs.mel is None else 0.0),
    "known_durations": lambda needs: KnownDurationsFeature(needs.grid),
    "mel": _mel,
    "samples": lambda needs: SamplesFeature(needs.grid.sample_rate),
}
