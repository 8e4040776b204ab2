"""What a training file holds: the voice, the task, and how to run it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ssmphony.codecs import CODECS
from ssmphony.config import Config, choose, parse
from ssmphony.models import MODELS
from ssmphony.text import FRONTENDS
from ssmphony.training.adapters import AdaptersConfig
from ssmphony.types import SsmphonyError
from ssmphony.voices.upgrade import RENAMED_KINDS

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


class VoiceConfig(Config):
    """The voice block of a training file: each part names a ``kind``, its other keys are that kind's config.

    A task that trains one part alone needs only that part.
    """

    frontend: dict[str, Any] | None = None
    model: dict[str, Any] | None = None
    codec: dict[str, Any] | None = None

    def codec_settings(self) -> Any:
        """The codec's config. Raises `SsmphonyError` where there is none or it is wrong; so do the others."""
        block = _given(self.codec, "codec")
        return parse(choose(CODECS, block.get("kind", ""), "codec", RENAMED_KINDS["codec"]), block, "voice.codec")

    def model_settings(self, n_symbols: int) -> Any:
        """The model's config; the size of the vocabulary is the frontend's."""
        block = _given(self.model, "model")
        kind = choose(MODELS, block.get("kind", ""), "model", RENAMED_KINDS["model"])
        return parse(kind, {"n_symbols": n_symbols, **block}, "voice.model")

    def frontend_symbols(self) -> tuple[str, ...]:
        """The frontend's vocabulary, by id."""
        block = _given(self.frontend, "frontend")
        return parse(choose(FRONTENDS, block.get("kind", ""), "frontend"), block, "voice.frontend").build().symbols


def _given(block: dict[str, Any] | None, part: str) -> dict[str, Any]:
    if block is None:
        raise SsmphonyError(f"voice.{part} is missing: this task needs it")
    return block


class RunConfig(Config):
    """How to run: where results go, how often to look and to save, on what.

    ``checkpoint_minutes`` is the time between saved states; ``checkpoint_steps`` sets it in steps instead. ``ema`` is
    the decay of the moving average of the weights, 0 for none. ``devices`` counts the processes of a machine and
    ``num_nodes`` the machines; under torchrun both are torchrun's. ``strategy`` "auto" is plain training with one
    process and data-parallel training with several; other values are Lightning's. ``threads`` are PyTorch's.
    """

    out: str
    seed: int = Field(default=0, ge=0)
    precision: Precision = "32-true"
    accelerator: str = "auto"
    devices: int = Field(default=1, ge=1)
    num_nodes: int = Field(default=1, ge=1)
    strategy: str = "auto"
    ema: float = Field(default=0.999, ge=0.0, lt=1.0)
    validate_every: int = Field(default=500, ge=1)
    log_every: int = Field(default=20, ge=1)
    checkpoint_minutes: float = Field(default=4.0, gt=0.0)
    checkpoint_steps: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)
    progress: bool = True


class TrainingConfig(Config):
    """A whole training file: the voice block is copied untouched into the voice package."""

    voice: VoiceConfig
    task: dict[str, Any]
    run: RunConfig
    adapters: AdaptersConfig | None = None
    """None: all parameters are trained. Otherwise the training starts from finished weights (``--init``)."""
