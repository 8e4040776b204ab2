"""Per-request record for logs and metrics."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from ssmphony.types import AudioChunk

CLIENT_GONE = 499
"""The status of a request whose client left, as nginx writes it."""


@dataclass
class Record:
    route: str = "other"
    client: str | None = None
    """Its address."""
    id: str = field(default_factory=lambda: f"req_{uuid.uuid4().hex}")
    began: float = field(default_factory=time.perf_counter)
    status: int = CLIENT_GONE
    """Until there is another."""
    voice: str | None = None
    text: str | None = None
    """None where it must not be logged."""
    characters: int = 0
    seconds: float = 0.0
    """Of sound that was handed over to be sent."""
    first_audio_s: float | None = None
    watermark: bool = False
    """Whether its sound is marked as synthetic."""
    spoken: bool = True
    """False where the text held nothing to speak, and its sound is a short silence."""
    problem: str | None = None
    took_s: float = 0.0

    def begin(self) -> None:
        """Time counts from here."""
        self.began = time.perf_counter()

    def sent(self, chunk: AudioChunk) -> None:
        if len(chunk.samples) and self.first_audio_s is None:
            self.first_audio_s = time.perf_counter() - self.began
        self.seconds += chunk.seconds

    def end(self) -> None:
        self.took_s = time.perf_counter() - self.began

    def fields(self) -> dict[str, Any]:
        """What the log says of it, without what is not known."""
        first = None if self.first_audio_s is None else round(1000 * self.first_audio_s, 1)
        fields = {
            "id": self.id,
            "client": self.client,
            "route": self.route,
            "status": self.status,
            "took_ms": round(1000 * self.took_s, 1),
            "voice": self.voice,
            "characters": self.characters or None,
            "seconds": round(self.seconds, 3) or None,
            "first_audio_ms": first,
            "problem": self.problem,
            "text": self.text,
        }
        return {name: value for name, value in fields.items() if value is not None}
