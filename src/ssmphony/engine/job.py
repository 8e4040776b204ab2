"""The state of one stream in the engine. A worker holds the job it works on; all else is under the engine's lock."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field

from ssmphony.engine.reader import TextReader
from ssmphony.speech import Speech
from ssmphony.types import AudioChunk, Style
from ssmphony.voice import Voice

Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]


@dataclass(eq=False)
class StreamJob:
    """``reader``, ``speech``, ``spoken`` and ``silence_s`` belong to the worker that holds the job."""

    voice: Voice
    style: Style
    reader: TextReader
    opened: float
    """Seconds, as all times here on the clock of `time.monotonic`."""
    deadline: float | None
    news: threading.Condition
    """Notified when there is news for the listener, or when a worker releases the job; on the engine's lock."""

    speech: Speech | None = None
    """The sentence being spoken; its model state is in the slots while a worker holds the job."""
    spoken: int = 0
    """Samples since the beginning of the stream, including those of other processes."""
    silence_s: float = 0.0
    """Seconds of silence that the text has asked for so far."""

    inbox: list[str | None] = field(default_factory=list[str | None])
    """Text that the reader has not received yet; None is a flush."""
    closed: bool = False
    """No more text will come."""
    asleep: bool = False
    """The reader found no sentence whose end is certain in the text so far."""

    held: bool = False
    stopping: bool = False
    """To be released and not scheduled again, because its state is wanted."""
    abandoned: bool = False
    ended: bool = False
    error: Exception | None = None

    chunks: deque[AudioChunk] = field(default_factory=deque[AudioChunk])
    unread_s: float = 0.0
    produced_s: float = 0.0
    started: float | None = None
    """When the first audio was produced."""
    waiters: list[Waiter] = field(default_factory=list[Waiter])

    @property
    def sounding(self) -> bool:
        """Whether a block of the model comes next, rather than a sentence to read or a piece of silence."""
        return self.speech is not None and not self.speech.pausing

    def ahead_s(self, now: float) -> float:
        """Seconds of audio left for a listener who has played it since the first chunk."""
        return 0.0 if self.started is None else self.produced_s - (now - self.started)

    def urgency(self, now: float) -> tuple[bool, float]:
        """The least is served first: streams without audio, in order of arrival, then those that run out first."""
        return (True, self.ahead_s(now)) if self.started is not None else (False, self.opened)

    def can_run(self, buffer_s: float) -> bool:
        """Whether there is work to do and room in the buffer."""
        return not (self.ended or self.stopping or self.asleep) and self.unread_s < buffer_s

    def begin_next(self) -> None:
        """Begin the next sentence that is certain, if there is one. Raises what the frontend and the voice raise."""
        tokens = self.reader.next()
        if tokens is None:
            return
        silence_s = self.voice.silence_s(tokens, self.style, self.silence_s)
        if self.deadline is not None:
            self.deadline += silence_s - self.silence_s  # a listener who plays it cannot finish sooner
        self.silence_s = silence_s
        self.speech = self.voice.begin(tokens, self.style, self.spoken)

    def read_inbox(self) -> None:
        """Give the reader what was written."""
        for piece in self.inbox:
            if piece is None:
                self.reader.flush()
            else:
                self.reader.write(piece)
        self.inbox.clear()
        if self.closed:
            self.reader.finish()

    def wake(self) -> None:
        """Notify the listener, in whatever thread or loop it waits."""
        self.news.notify_all()
        for loop, future in self.waiters:
            try:
                loop.call_soon_threadsafe(_resolve, future)
            except RuntimeError:  # the loop was closed: nothing waits there any more
                continue
        self.waiters.clear()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
