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
    """How text is read."""
    model: dict[str, Any] | None = None
    """Tokens to frames."""
    codec: dict[str, Any] | None = None
    """Frames to samples, and recordings to frames."""

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
    """How to run a training: where results go, how often to validate and to save, and on what hardware."""

    out: str
    """Folder of the results. A training whose checkpoint is there is resumed."""
    seed: int = Field(default=0, ge=0)
    precision: Precision = "32-true"
    accelerator: str = "auto"
    """Of Lightning: ``cpu``, ``gpu``, …"""
    devices: int = Field(default=1, ge=1)
    """Processes of a machine; under torchrun, torchrun's."""
    num_nodes: int = Field(default=1, ge=1)
    """Machines; under torchrun, torchrun's."""
    strategy: str = "auto"
    """``auto`` is plain training with one process and data-parallel training with several; others are Lightning's."""
    ema: float = Field(default=0.999, ge=0.0, lt=1.0)
    """Decay of the moving average of the weights; 0 for none."""
    validate_every: int = Field(default=500, ge=1)
    """Steps between validations."""
    log_every: int = Field(default=20, ge=1)
    """Steps between logged losses."""
    checkpoint_minutes: float = Field(default=4.0, gt=0.0)
    """Minutes between saved states."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """The same in steps, instead of minutes."""
    minutes: float | None = Field(default=None, gt=0.0)
    """The training ends after this many minutes, if its steps take longer; minutes before it was resumed count."""
    threads: int | None = Field(default=None, ge=1)
    """Threads of PyTorch; by default PyTorch's own choice."""
    progress: bool = True
    """Whether progress is shown on standard error."""


class TrainingConfig(Config):
    """A whole training file: the voice block is copied untouched into the voice package."""

    voice: VoiceConfig = VoiceConfig()
    task: dict[str, Any]
    """``kind`` names the task; the other keys are its config."""
    run: RunConfig
    adapters: AdaptersConfig | None = None
    """None: all parameters are trained. Otherwise the training starts from finished weights (``--init``)."""
