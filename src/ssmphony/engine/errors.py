"""Why a stream was refused or ended early. Each is one line for the person who asked."""

from __future__ import annotations

from ssmphony.types import SsmphonyError


class EngineBusy(SsmphonyError):
    """The queue is full: try again later."""


class EngineClosed(SsmphonyError):
    """The engine is shutting down."""


class DeadlineExceeded(SsmphonyError):
    """A stream took longer than its caller allowed."""


class VoiceFailed(SsmphonyError):
    """A voice raised something that is not a user's mistake; it is the ``__cause__``."""
