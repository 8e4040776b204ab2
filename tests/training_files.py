"""What every training file must pass, those of configs/ and those that the documentation shows."""

from __future__ import annotations

from ssmphony.config import choose, parse
from ssmphony.models import MODELS
from ssmphony.training.config import TrainingConfig
from ssmphony.training.tasks import RENAMED, TASKS


def check_training_file(data: dict[str, object]) -> TrainingConfig:
    """Read a training file as `ssmphony train` does, down to the parts of the voice."""
    config = parse(TrainingConfig, data)
    kind = config.task["kind"]
    parse(choose(TASKS, kind, "task", RENAMED), config.task, "task")
    config.voice.codec_settings()
    symbols = config.voice.frontend_symbols()
    if kind == "codec":  # trains the codec alone; of the model only the kind must be known
        choose(MODELS, config.voice.model["kind"], "model")
    else:
        config.voice.model_settings(len(symbols))
    return config
