"""Packages that some commands need and speaking does not."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Generator[None, None, None]:
    """Say which extra to install when one of its packages is missing."""
    from ssmphony.types import SsmphonyError

    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ssmphony"):
            raise
        raise SsmphonyError(f"this needs {error.name}: pip install 'ssmphony[{name}]'") from None
