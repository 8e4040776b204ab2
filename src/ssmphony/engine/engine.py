"""Many streams at once: who is admitted, who is served next, and the workers that serve them."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from ssmphony.config import suggest
from ssmphony.engine.errors import DeadlineExceeded, EngineBusy, EngineClosed, VoiceFailed
from ssmphony.engine.job import Job
from ssmphony.engine.probe import rows_of
from ssmphony.engine.reader import Reader
from ssmphony.engine.slots import Outcome, Slots
from ssmphony.engine.snapshot import restore
from ssmphony.engine.stats import EngineStats
from ssmphony.engine.stream import Stream
from ssmphony.interfaces import Frontend
from ssmphony.types import SsmphonyError, Style
from ssmphony.voice import Speech, Voice

FRAMES = 128
"""Of one step of the model: four sentences of 32 frames share it at three quarters of the cost; eight gain no more."""
HOLD_S = 1.0
"""How many seconds of sound less than one in a slot another must have, to take the slot from it."""


class Engine:
    """Speaks many streams at once; see the package's docstring.

    ``voices`` is a voice, or several by name; load them with ``threads=1``. ``workers`` is the number of threads, one
    for each core by default. ``running`` streams are spoken at once, ``queue`` more wait for their turn, and what
    comes then is refused. A stream of which ``buffer_s`` seconds of sound lie unread is not spoken on.
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
        self.running, self.queue, self.buffer_s = running, queue, buffer_s
        self._rows = {id(voice): rows_of(voice, frames) for voice in self.voices.values()}
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._jobs: list[Job] = []
        self._queued: deque[Job] = deque()
        self._closing = self._stopped = False
        counted = ("opened", "refused", "finished", "cancelled", "failed", "steps", "frames")
        self._counts: dict[str, int] = dict.fromkeys(counted, 0)
        self._audio_s = self._busy_s = 0.0
        self._threads = [
            threading.Thread(target=self._serve, name=f"ssmphony-{i}", daemon=True)
            for i in range(workers or len(_cores()))
        ]
        for thread in self._threads:
            thread.start()

    # -- streams --------------------------------------------------------------------------------------------------

    def open(
        self,
        voice: str | None = None,
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        deadline_s: float | None = None,
        clauses: bool = True,
        frontend: Frontend | None = None,
    ) -> Stream:
        """A stream for text that is still being written.

        With ``clauses``, each clause of the first sentence is spoken as soon as it is complete; without, the samples
        are those of `Voice.say`. A stream that has not ended after ``deadline_s`` seconds, queue included, and the time
        that its breaks take, ends with `DeadlineExceeded`. ``frontend`` reads this text in place of the voice's own,
        for example ``voice.frontend.with_lexicon(words)``; it must have the same symbols. Raises `EngineBusy`,
        `EngineClosed`, and `SsmphonyError` for an unknown voice or a style out of range.
        """
        chosen = self._voice(voice)
        if frontend is not None and frontend.symbols != chosen.frontend.symbols:
            raise ValueError(f"the frontend has other symbols than the voice '{chosen.card.name}'")
        style = chosen.style(speed=speed, pitch=pitch, seed=seed, speaker=speaker)
        return self._admit(chosen, style, Reader(frontend or chosen.frontend, clauses), deadline_s=deadline_s)

    def stream(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: float = 1.0,
        pitch: float = 0.0,
        seed: int = 0,
        speaker: str | None = None,
        deadline_s: float | None = None,
        frontend: Frontend | None = None,
    ) -> Stream:
        """A stream for a text that is complete: the samples are those of `Voice.say`. Raises what `open` raises."""
        stream = self.open(
            voice,
            speed=speed,
            pitch=pitch,
            seed=seed,
            speaker=speaker,
            deadline_s=deadline_s,
            clauses=False,
            frontend=frontend,
        )
        stream.write(text)
        stream.finish()
        return stream

    def resume(self, state: bytes, voice: str | None = None, *, deadline_s: float | None = None) -> Stream:
        """Go on with a stream that `Stream.snapshot` stored.

        Raises what `open` raises, and `SsmphonyError` for a state that is damaged or of another voice.
        """
        chosen = self._voice(voice)
        return self._admit(chosen, *restore(state, chosen), deadline_s=deadline_s)

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
        reader: Reader,
        speech: Speech | None = None,
        spoken: int = 0,
        silence_s: float = 0.0,
        *,
        deadline_s: float | None,
    ) -> Stream:
        now = time.monotonic()
        deadline = None if deadline_s is None else now + deadline_s
        heard = threading.Condition(self._lock)
        job = Job(voice, style, reader, now, deadline, heard, speech=speech, spoken=spoken, silence_s=silence_s)
        job.closed = reader.finished
        with self._lock:
            if self._closing:
                raise EngineClosed("the engine is shutting down: it takes no new text")
            self._reap()
            if len(self._jobs) < self.running:
                self._jobs.append(job)
            elif len(self._queued) < self.queue:
                self._queued.append(job)
            else:
                self._counts["refused"] += 1
                raise EngineBusy(f"{self.running} streams are running and {self.queue} are waiting: try again later")
            self._counts["opened"] += 1
            self._work.notify_all()
        return Stream(job, self._lock, self._changed)

    # -- the whole ------------------------------------------------------------------------------------------------

    def stats(self) -> EngineStats:
        with self._lock:
            return EngineStats(
                running=len(self._jobs),
                queued=len(self._queued),
                slots=len(self._threads) * max(self._rows.values()),
                slots_used=sum(job.held for job in self._jobs),
                unread_s=sum(job.unread_s for job in self._jobs),
                audio_s=self._audio_s,
                busy_s=self._busy_s,
                **self._counts,
            )

    def close(self, *, drain: bool = True, timeout_s: float = 30.0) -> None:
        """Take no new streams; end those there are, and the threads.

        With ``drain``, what has been written is spoken to its end first, for at most ``timeout_s`` seconds; streams
        that have not ended by then, end with `EngineClosed`. Chunks that were made can still be read.
        """
        until = time.monotonic() + timeout_s
        with self._lock:
            self._closing = True
            for job in (*self._jobs, *self._queued):
                job.closed, job.asleep = True, False
            self._work.notify_all()
            while drain and (self._jobs or self._queued) and (left := until - time.monotonic()) > 0:
                self._work.wait(left)
            for job in (*self._queued, *self._jobs):
                self._end(job, "failed", EngineClosed("the engine was closed before this text was spoken"))
            self._stopped = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(drain=False)

    # -- scheduling, under the lock -------------------------------------------------------------------------------

    def _changed(self, job: Job) -> None:
        """A stream was written to, read from or given up."""
        if job.abandoned:
            self._reap()
        if not (job.held or job.ended):  # whoever holds it looks again anyway
            self._work.notify_all()

    def _reap(self) -> None:
        """End what nobody wants any more and what is late."""
        now = time.monotonic()
        for job in (*self._jobs, *self._queued):
            if job.abandoned:
                self._end(job, "cancelled")
            elif job.deadline is not None and now >= job.deadline:
                self._end(job, "failed", DeadlineExceeded(f"not spoken within {job.deadline - job.opened:g} s"))

    def _end(self, job: Job, how: str, error: Exception | None = None) -> None:
        if job.ended:
            return
        job.ended, job.error = True, error
        self._counts[how] += 1
        if job in self._jobs:
            self._jobs.remove(job)
        else:
            self._queued.remove(job)
        while self._queued and len(self._jobs) < self.running:
            self._jobs.append(self._queued.popleft())
        job.wake()
        self._work.notify_all()

    def _choose(self, slots: Slots) -> list[Job]:
        """Who is served next: one for whom there is no step of the model, or all who share one with the most urgent."""
        now = time.monotonic()
        able = [job for job in self._jobs if job.can_run(self.buffer_s)]
        mine = set(slots.jobs)
        free = [job for job in able if not job.held or job in mine]

        def urgency(job: Job) -> tuple[bool, float]:
            heard, value = job.urgency(now)
            return heard, value - (HOLD_S if job in mine else 0.0)

        free.sort(key=urgency)
        if not free:
            return []
        first = free[0]
        rows = min(self._rows[id(first.voice)], math.ceil(len(able) / len(self._threads)))
        for job in free[:rows]:  # a full step is cheaper, but who has heard nothing does not wait for others to be read
            if job.speech is None and (job is first or job.started is None or first.started is not None):
                return [job]
        if not first.sounding:  # silence fills no step: it has its turn, and no more
            return [first]
        return [job for job in free if job.sounding and job.voice is first.voice][:rows]

    # -- workers --------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        slots = Slots()
        while True:
            with self._lock:
                while not (jobs := self._next(slots)):
                    if self._stopped:
                        return
                    self._work.wait(self._patience())
            began = time.perf_counter()
            if jobs[0].sounding:
                self._step(jobs[0].voice, slots)
            elif jobs[0].speech is None:
                self._read(jobs[0])
            else:
                self._pause(jobs[0], jobs[0].speech)
            with self._lock:
                self._busy_s += time.perf_counter() - began

    def _next(self, slots: Slots) -> list[Job]:
        """Choose, and let go of everyone else."""
        self._reap()
        jobs = self._choose(slots)
        before = [job for job in slots.jobs if job is not None]
        alone = bool(jobs) and not jobs[0].sounding
        stay = [job for job in before if job.can_run(self.buffer_s)] if alone else jobs
        slots.arrange(stay)
        for job in before:
            if job not in stay:
                self._let_go(job)
        for job in jobs:
            job.held = True
        return jobs

    def _let_go(self, job: Job) -> None:
        job.held = False
        job.heard.notify_all()
        self._work.notify_all()

    def _patience(self) -> float | None:
        """Seconds until the next deadline."""
        deadlines = [job.deadline for job in (*self._jobs, *self._queued) if job.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _read(self, job: Job) -> None:
        """Find the next sentence and begin it."""
        with self._lock:
            job.read_inbox()
        error: Exception | None = None
        try:
            job.begin_next()
        except Exception as raised:
            error = raised
        with self._lock:
            self._let_go(job)
            if error is not None:
                self._fail(job, error)
            elif job.speech is None and not job.inbox and job.closed == job.reader.finished:
                job.asleep = True
                if job.closed:
                    self._end(job, "finished")

    def _pause(self, job: Job, speech: Speech) -> None:
        """A piece of the silence after a sentence."""
        (outcome,) = job.voice.step([speech])
        with self._lock:
            self._deliver(job, outcome)
            self._let_go(job)

    def _step(self, voice: Voice, slots: Slots) -> None:
        outcomes = slots.step(voice)
        with self._lock:
            self._counts["steps"] += 1
            for job, outcome in outcomes:
                self._deliver(job, outcome)
                if not job.sounding or isinstance(outcome, Exception):
                    slots.leave(job)
                if job not in slots.jobs:
                    self._let_go(job)

    def _deliver(self, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            self._fail(job, outcome)
            return
        chunk, speech = outcome
        if job.speech is not None:
            self._counts["frames"] += speech.row.made - job.speech.row.made
        job.speech = None if speech.done else speech
        if not chunk or job.ended:
            return
        self._audio_s += chunk.seconds
        job.spoken += len(chunk.samples)
        job.made_s += chunk.seconds
        job.unread_s += chunk.seconds
        if job.started is None:
            job.started = time.monotonic()
        job.chunks.append(chunk)
        job.wake()

    def _fail(self, job: Job, error: Exception) -> None:
        if not isinstance(error, SsmphonyError):
            failure = VoiceFailed(f"the voice '{job.voice.card.name}' failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            error = failure
        self._end(job, "failed", error)


def _cores() -> Sequence[int]:
    """The cores that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else range(os.cpu_count() or 1)
