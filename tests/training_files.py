"""What every training file must pass, those of configs/ and those that the documentation shows."""

from __future__ import annotations

from ssmphony.config import choose, parse
from ssmphony.training.config import TrainingConfig
from ssmphony.training.tasks import RENAMED, TASKS


def check_training_file(data: dict[str, object]) -> TrainingConfig:
    """Read a training file as `ssmphony train` does, down to the parts of the voice."""
    config = parse(TrainingConfig, data)
    kind = config.task["kind"]
    parse(choose(TASKS, kind, "task", RENAMED), config.task, "task")
    symbols = config.voice.frontend_symbols() if config.voice.frontend else ()
    if config.voice.model:
        config.voice.model_settings(len(symbols))
    if config.voice.codec:
        config.voice.codec_settings()
    return config
