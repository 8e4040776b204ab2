"""What a worker thread of an engine does: read, speak and pause, as the scheduler says."""

from __future__ import annotations

import time

from ssmphony.engine.job import StreamJob
from ssmphony.engine.scheduler import Scheduler
from ssmphony.engine.slots import Slots
from ssmphony.speech import Speech
from ssmphony.voice import Voice


def serve(scheduler: Scheduler) -> None:
    """Serve streams until the scheduler is stopped."""
    slots = Slots()
    while True:
        with scheduler.lock:
            while not (jobs := scheduler.next_jobs(slots)):
                if scheduler.stopped:
                    return
                scheduler.work.wait(scheduler.patience())
        began = time.perf_counter()
        if jobs[0].sounding:
            _step(scheduler, jobs[0].voice, slots)
        elif jobs[0].speech is None:
            _read(scheduler, jobs[0])
        else:
            _pause(scheduler, jobs[0], jobs[0].speech)
        with scheduler.lock:
            scheduler.busy_s += time.perf_counter() - began


def _read(scheduler: Scheduler, job: StreamJob) -> None:
    """Find the next sentence and begin it."""
    with scheduler.lock:
        job.read_inbox()
    error: Exception | None = None
    try:
        job.begin_next()
    except Exception as raised:
        error = raised
    with scheduler.lock:
        scheduler.let_go(job)
        if error is not None:
            scheduler.fail(job, error)
        elif job.speech is None and not job.inbox and job.closed == job.reader.finished:
            job.asleep = True
            if job.closed:
                scheduler.end(job, "finished")


def _pause(scheduler: Scheduler, job: StreamJob, speech: Speech) -> None:
    """A piece of the silence after a sentence."""
    (outcome,) = job.voice.step([speech])
    with scheduler.lock:
        scheduler.deliver(job, outcome)
        scheduler.let_go(job)


def _step(scheduler: Scheduler, voice: Voice, slots: Slots) -> None:
    outcomes = slots.step(voice)
    with scheduler.lock:
        scheduler.count_step()
        for job, outcome in outcomes:
            scheduler.deliver(job, outcome)
            if not job.sounding or isinstance(outcome, Exception):
                slots.leave(job)
            if job not in slots.jobs:
                scheduler.let_go(job)
