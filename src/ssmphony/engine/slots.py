"""The sentences that one worker steps together: a row of the model's state each (continuous batching).

Sentences join and leave between two steps; as long as none does, no state is copied. The codec's states stay with
their sentences, because the codec does not take a block of each at every step.
"""

from __future__ import annotations

from collections.abc import Sequence

from ssmphony.engine.job import StreamJob
from ssmphony.interfaces import State
from ssmphony.speech import Speech
from ssmphony.state import gather, reset, scatter
from ssmphony.types import AudioChunk
from ssmphony.voice import Voice

Outcome = tuple[AudioChunk, Speech] | Exception


class Slots:
    """The batch of one voice. ``jobs[i]`` owns row ``i``; None where it has ended."""

    def __init__(self) -> None:
        self.jobs: list[StreamJob | None] = []
        self._rows: list[State] = []
        """The rows as they were gathered, in the shapes that they have alone."""
        self._state: State = None

    def arrange(self, jobs: Sequence[StreamJob]) -> None:
        """Let exactly ``jobs`` be in the slots, all of one voice; the others take their state with them."""
        if len(jobs) == len(self.jobs) and set(jobs) == set(self.jobs):
            return
        rows = scatter(self._state, self._rows) if self.jobs else []
        kept = {job: row for job, row in zip(self.jobs, rows, strict=True) if job is not None}
        for job, row in kept.items():
            if job not in jobs and job.speech is not None:
                job.speech = job.speech._replace(model=row)
        if len(jobs) == len(self.jobs) and kept.keys() & set(jobs):
            newcomers = iter([job for job in jobs if job not in kept])
            for slot, old in enumerate(self.jobs):
                if old not in jobs:
                    self._fill(slot, next(newcomers))
            return
        self.jobs = list(jobs)
        self._rows = [kept[job] if job in kept else _take(job) for job in jobs]
        self._state = gather(self._rows) if jobs else None

    def _fill(self, slot: int, job: StreamJob) -> None:
        self.jobs[slot] = job
        self._rows[slot] = _take(job)
        self._state = reset(self._state, slot, self._rows[slot])

    def step(self, voice: Voice) -> list[tuple[StreamJob, Outcome]]:
        """One block of every sentence. What a voice raises ends the sentence that it raises it for, and no other."""
        jobs = [job for job in self.jobs if job is not None]
        speeches = [job.speech for job in jobs if job.speech is not None]
        try:
            frames, state = voice.model.step(self._state)
            made: list[Outcome] = list(voice.decode(speeches, frames))
        except Exception as error:
            if len(jobs) == 1:
                made = [error]
            else:
                self.arrange(())
                made = [_alone(voice, job) for job in jobs]
        else:
            self._state = state
        return list(zip(jobs, made, strict=True))

    def leave(self, job: StreamJob) -> None:
        """A sentence has ended: its row may be reused."""
        self.jobs = [None if other is job else other for other in self.jobs]


def _take(job: StreamJob) -> State:
    """The model's state, out of a sentence that enters the slots."""
    assert job.speech is not None
    model, job.speech = job.speech.model, job.speech._replace(model=None)
    return model


def _alone(voice: Voice, job: StreamJob) -> Outcome:
    assert job.speech is not None
    try:
        return voice.step([job.speech])[0]
    except Exception as error:
        return error
