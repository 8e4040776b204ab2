"""Many streams at once over any voice; see the package's docstring."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ssmphony.engine.job import StreamJob
from ssmphony.engine.probe import rows_of
from ssmphony.engine.reader import TextReader
from ssmphony.engine.scheduler import Scheduler
from ssmphony.engine.snapshot import restore
from ssmphony.engine.stats import EngineStats
from ssmphony.engine.stream import Stream
from ssmphony.engine.worker import serve
from ssmphony.errors import suggest
from ssmphony.interfaces import Frontend
from ssmphony.speech import Speech
from ssmphony.types import SsmphonyError, Style
from ssmphony.voice import Voice

FRAMES = 128
"""Frames per model step, over all sentences. Batching four sentences of 32 frames costs 25 % less per frame; eight
gains nothing further."""
_PLAIN = Style()


class Engine:
    """Speaks many streams at once; see the package's docstring.

    Args:
        voices: A voice, or several by name; load them with ``threads=1``.
        workers: The number of threads, one for each core by default.
        frames: The budget of one model step, over all sentences that share it.
        running: Streams that are spoken at once.
        queue: Streams that wait for their turn in addition; further ones are refused.
        buffer_s: A stream with this many seconds of unread audio is paused.
    """

    def __init__(
        self,
        voices: Voice | Mapping[str, Voice],
        *,
        workers: int | None = None,
        frames: int = FRAMES,
        running: int = 128,
        queue: int = 128,
        buffer_s: float = 10.0,
    ) -> None:
        self.voices = {voices.card.name: voices} if isinstance(voices, Voice) else dict(voices)
        if not self.voices:
            raise ValueError("an engine needs a voice")
        count = workers or len(_cores())
        rows = {id(voice): rows_of(voice, frames) for voice in self.voices.values()}
        self._scheduler = Scheduler(rows, workers=count, running=running, queue=queue, buffer_s=buffer_s)
        self._threads = [
            threading.Thread(target=serve, args=(self._scheduler,), name=f"ssmphony-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def open(
        self,
        voice: str | None = None,
        style: Style = _PLAIN,
        *,
        deadline_s: float | None = None,
        clauses: bool = True,
        frontend: Frontend | None = None,
    ) -> Stream:
        """A stream for text that is still being written.

        Args:
            voice: The name of one of the engine's voices; None is the first.
            style: How to speak.
            deadline_s: A stream that has not ended after this many seconds, including its time in the queue, plus the
                duration of its breaks, ends with `DeadlineExceeded`.
            clauses: Speak each clause of the first sentence as soon as it is complete; if false, the samples are those
                of `Voice.say`.
            frontend: Reads this text in place of the voice's own, for example ``voice.frontend.with_lexicon(words)``;
                it must have the same symbols.

        Raises:
            EngineBusy: When the queue is full.
            EngineClosed: After `close`.
            SsmphonyError: For an unknown voice, and a style that the voice cannot follow.
        """
        chosen = self._voice(voice)
        if frontend is not None and frontend.symbols != chosen.frontend.symbols:
            raise ValueError(f"the frontend has other symbols than the voice '{chosen.card.name}'")
        reader = TextReader(frontend or chosen.frontend, clauses)
        return self._admit(chosen, chosen.check(style), reader, deadline_s=deadline_s)

    def stream(
        self,
        text: str,
        voice: str | None = None,
        style: Style = _PLAIN,
        *,
        deadline_s: float | None = None,
        frontend: Frontend | None = None,
    ) -> Stream:
        """A stream for a text that is complete: the samples are those of `Voice.say`. Raises what `open` raises."""
        stream = self.open(voice, style, deadline_s=deadline_s, clauses=False, frontend=frontend)
        stream.write(text)
        stream.finish()
        return stream

    def resume(self, state: bytes, voice: str | None = None, *, deadline_s: float | None = None) -> Stream:
        """Continue a stream that `Stream.snapshot` stored.

        Raises what `open` raises, and `SsmphonyError` for a state that is damaged or of another voice.
        """
        chosen = self._voice(voice)
        return self._admit(chosen, *restore(state, chosen), deadline_s=deadline_s)

    def stats(self) -> EngineStats:
        """Counts of streams, steps and seconds, now and since the start; cheap enough for metrics."""
        return self._scheduler.stats()

    def close(self, *, drain: bool = True, timeout_s: float = 30.0) -> None:
        """Accept no new streams, end the open ones, and stop the threads.

        With ``drain``, what has been written is spoken to its end first, for at most ``timeout_s`` seconds; streams
        that have not ended by then end with `EngineClosed`. Finished chunks can still be read.
        """
        self._scheduler.close(drain=drain, timeout_s=timeout_s)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(drain=False)

    def _voice(self, name: str | None) -> Voice:
        if name is None:
            return next(iter(self.voices.values()))
        if name not in self.voices:
            known = ", ".join(sorted(self.voices))
            raise SsmphonyError(f"unknown voice '{name}'{suggest(name, self.voices)}; this engine has {known}")
        return self.voices[name]

    def _admit(
        self,
        voice: Voice,
        style: Style,
        reader: TextReader,
        speech: Speech | None = None,
        spoken: int = 0,
        silence_s: float = 0.0,
        *,
        deadline_s: float | None,
    ) -> Stream:
        scheduler, now = self._scheduler, time.monotonic()
        deadline = None if deadline_s is None else now + deadline_s
        news = threading.Condition(scheduler.lock)
        job = StreamJob(voice, style, reader, now, deadline, news, speech=speech, spoken=spoken, silence_s=silence_s)
        job.closed = reader.finished
        scheduler.admit(job)
        return Stream(job, scheduler.lock, scheduler.changed)


def _cores() -> Sequence[int]:
    """The cores that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else range(os.cpu_count() or 1)
