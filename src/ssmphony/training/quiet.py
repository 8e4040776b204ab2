"""Hide warnings of Lightning that do not apply here."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager

_LOGGERS = ("lightning.pytorch", "lightning.fabric")
_NOT_OURS = (
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",  # PyTorch to Lightning
    r".*does not have many workers which may be a bottleneck.*",  # a batch takes a few milliseconds
    r".*callbacks used to create the checkpoint.*",  # a run of an older version resumes all the same
    r".*Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`.*",  # the gradient scaler skipped a step
    r".*GPU available but not used.*",
    r".*module\(s\) in eval mode at the start of training.*",  # a part that is not trained
)


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Hide Lightning's tips, and warnings about what is intended here; all others still show."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        with warnings.catch_warnings():
            for message in _NOT_OURS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
