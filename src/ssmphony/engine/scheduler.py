"""Which streams are admitted, and which of them a worker serves next. Everything here holds the lock."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping

from ssmphony.engine.errors import DeadlineExceeded, EngineBusy, EngineClosed, VoiceFailed
from ssmphony.engine.job import StreamJob
from ssmphony.engine.slots import Outcome, Slots
from ssmphony.engine.stats import EngineStats
from ssmphony.types import SsmphonyError

HOLD_S = 1.0
"""A waiting stream takes a slot only if it has this many seconds less audio buffered than the stream in the slot."""


class Scheduler:
    """The streams of an engine: ``running`` are spoken at once, ``queue`` more wait.

    ``rows`` says how many sentences of a voice share a step. Methods take the lock themselves, except those that say
    otherwise.
    """

    def __init__(self, rows: Mapping[int, int], *, workers: int, running: int, queue: int, buffer_s: float) -> None:
        self.running, self.queue, self.buffer_s = running, queue, buffer_s
        self.lock = threading.RLock()
        self.work = threading.Condition(self.lock)
        self.stopped = False
        self._rows, self._workers = rows, workers
        self._jobs: list[StreamJob] = []
        self._queued: deque[StreamJob] = deque()
        self._closing = False
        counted = ("opened", "refused", "finished", "cancelled", "failed", "steps", "frames")
        self._counts: dict[str, int] = dict.fromkeys(counted, 0)
        self._audio_s = self.busy_s = 0.0

    def admit(self, job: StreamJob) -> None:
        """Raises `EngineBusy` when the queue is full, `EngineClosed` after `close`."""
        with self.lock:
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
            self.work.notify_all()

    def stats(self) -> EngineStats:
        with self.lock:
            return EngineStats(
                running=len(self._jobs),
                queued=len(self._queued),
                slots=self._workers * max(self._rows.values()),
                slots_used=sum(job.held for job in self._jobs),
                unread_s=sum(job.unread_s for job in self._jobs),
                audio_s=self._audio_s,
                busy_s=self.busy_s,
                **self._counts,
            )

    def close(self, *, drain: bool, timeout_s: float) -> None:
        """Admit nothing more, end what runs, and let the workers stop; see `Engine.close`."""
        until = time.monotonic() + timeout_s
        with self.lock:
            self._closing = True
            for job in (*self._jobs, *self._queued):
                job.closed, job.asleep = True, False
            self.work.notify_all()
            while drain and (self._jobs or self._queued) and (left := until - time.monotonic()) > 0:
                self.work.wait(left)
            for job in (*self._queued, *self._jobs):
                self.end(job, "failed", EngineClosed("the engine was closed before this text was spoken"))
            self.stopped = True
            self.work.notify_all()

    # -- called with the lock held --------------------------------------------------------------------------------

    def changed(self, job: StreamJob) -> None:
        """A stream was written to, read from or given up."""
        if job.abandoned:
            self._reap()
        if not (job.held or job.ended):  # the worker that holds it looks again anyway
            self.work.notify_all()

    def end(self, job: StreamJob, how: str, error: Exception | None = None) -> None:
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
        self.work.notify_all()

    def fail(self, job: StreamJob, error: Exception) -> None:
        if not isinstance(error, SsmphonyError):
            failure = VoiceFailed(f"the voice '{job.voice.card.name}' failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            error = failure
        self.end(job, "failed", error)

    def next_jobs(self, slots: Slots) -> list[StreamJob]:
        """Choose, and release all others."""
        self._reap()
        jobs = self._choose(slots)
        before = [job for job in slots.jobs if job is not None]
        alone = bool(jobs) and not jobs[0].sounding
        stay = [job for job in before if job.can_run(self.buffer_s)] if alone else jobs
        slots.arrange(stay)
        for job in before:
            if job not in stay:
                self.let_go(job)
        for job in jobs:
            job.held = True
        return jobs

    def let_go(self, job: StreamJob) -> None:
        job.held = False
        job.news.notify_all()
        self.work.notify_all()

    def patience(self) -> float | None:
        """Seconds until the next deadline."""
        deadlines = [job.deadline for job in (*self._jobs, *self._queued) if job.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def deliver(self, job: StreamJob, outcome: Outcome) -> None:
        if isinstance(outcome, Exception):
            self.fail(job, outcome)
            return
        chunk, speech = outcome
        if job.speech is not None:
            self._counts["frames"] += speech.progress.produced - job.speech.progress.produced
        job.speech = None if speech.done else speech
        if not chunk or job.ended:
            return
        self._audio_s += chunk.seconds
        job.spoken += len(chunk.samples)
        job.produced_s += chunk.seconds
        job.unread_s += chunk.seconds
        if job.started is None:
            job.started = time.monotonic()
        job.chunks.append(chunk)
        job.wake()

    def count_step(self) -> None:
        self._counts["steps"] += 1

    def _reap(self) -> None:
        """End streams that were given up and streams past their deadline."""
        now = time.monotonic()
        for job in (*self._jobs, *self._queued):
            if job.abandoned:
                self.end(job, "cancelled")
            elif job.deadline is not None and now >= job.deadline:
                self.end(job, "failed", DeadlineExceeded(f"not spoken within {job.deadline - job.opened:g} s"))

    def _choose(self, slots: Slots) -> list[StreamJob]:
        """The jobs served next: one that needs no step of the model, or all that share a step with the most urgent."""
        now = time.monotonic()
        able = [job for job in self._jobs if job.can_run(self.buffer_s)]
        mine = set(slots.jobs)
        free = [job for job in able if not job.held or job in mine]

        def urgency(job: StreamJob) -> tuple[bool, float]:
            started, value = job.urgency(now)
            return started, value - (HOLD_S if job in mine else 0.0)

        free.sort(key=urgency)
        if not free:
            return []
        first = free[0]
        rows = min(self._rows[id(first.voice)], math.ceil(len(able) / self._workers))
        for job in free[:rows]:  # a full step is cheaper, but a stream without audio waits for no other to be read
            if job.speech is None and (job is first or job.started is None or first.started is not None):
                return [job]
        if not first.sounding:  # silence needs no step: it takes one turn
            return [first]
        return [job for job in free if job.sounding and job.voice is first.voice][:rows]
