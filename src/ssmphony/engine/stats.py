"""Counters of an engine."""

from __future__ import annotations

from typing import NamedTuple


class EngineStats(NamedTuple):
    """Counts since the engine started; the first five are current values."""

    running: int
    queued: int
    slots: int
    """Sentences that can be stepped at once, by all workers together."""
    slots_used: int
    unread_s: float
    """Seconds of audio that have not been read yet."""
    opened: int
    refused: int
    finished: int
    cancelled: int
    failed: int
    steps: int
    frames: int
    audio_s: float
    busy_s: float
    """Of all workers together."""
