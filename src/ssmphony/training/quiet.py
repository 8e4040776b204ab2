"""Lightning's advice that does not apply to us, kept out of the way while training runs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager

_NOT_OURS = (
    r".*does not have many workers which may be a bottleneck.*",  # batches are made in a few milliseconds
    r".*IterableDataset.*__len__.*",  # ours is endless
    r".*ended before the epoch ended.*not resumable.*",  # our loader begins at the step where training stands
    r".*callbacks used to create the checkpoint.*",  # a run of an older version resumes all the same
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*isinstance\(treespec, LeafSpec\).*",  # PyTorch's own, raised inside Lightning
    r".*`lr_scheduler.step\(\)` before `optimizer.step\(\)`.*",  # a step that the gradient scaler skipped
    r".*GPU available but not used.*",
    r".*find_unused_parameters=True was specified.*",  # needed whenever the discriminators train
)


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Warnings of others about things that are meant; every other warning still shows."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in _NOT_OURS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.setLevel(level)
