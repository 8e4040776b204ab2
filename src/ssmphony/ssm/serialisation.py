"""States as files."""

from __future__ import annotations

import torch


def loadable(*states: type) -> None:
    """Let `torch.load` read these kinds of states with ``weights_only=True``: they are data, whoever wrote the file."""
    torch.serialization.add_safe_globals(list(states))
