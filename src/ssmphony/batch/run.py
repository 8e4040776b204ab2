"""``ssmphony batch``: all jobs of a file, and where an earlier run was stopped, only those that are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ssmphony.batch.folder import FAILURES, HIDDEN, MANIFEST, Row, claimed, clear, recorded, write_rows
from ssmphony.batch.jobs import Job
from ssmphony.batch.speak import Failed, lexicon_digest, speaker
from ssmphony.parallel import Executor
from ssmphony.parallel.local import run_local
from ssmphony.types import SsmphonyError


class Plan(NamedTuple):
    """What there is to do. ``left_over``: files of earlier runs that no job names any more."""

    todo: list[Job]
    done: dict[str, Row]
    changed: int
    left_over: list[str]


class Outcome(NamedTuple):
    """What a run did: files made and their seconds, files that were there before, and what failed, in order."""

    made: int
    seconds: float
    kept: int
    changed: int
    failed: list[Failed]
    left_over: list[str]


Progress = Callable[[Job, float], None]
"""Called with a job that was done, and the seconds of its sound (0 where it failed)."""
Begin = Callable[[Plan], None]


def run_batch(
    jobs: Sequence[Job],
    out: Path,
    *,
    lexicon: Path | None = None,
    watermark: bool = False,
    workers: int | None = None,
    engine: Executor = run_local,
    begin: Begin | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Speak ``jobs`` to files in ``out``; see `ssmphony.batch.folder` for its contents.

    Whatever ends it, every file there is whole, and a further run does what is left. Raises `SsmphonyError` when
    the folder cannot be used or a voice cannot be loaded.
    """
    digest = lexicon_digest(lexicon)
    lexicon, out = lexicon and lexicon.resolve(), out.resolve()
    _check_ours(jobs, out)
    with claimed(out):
        before = recorded(out)
        plan = _plan(jobs, before, digest, watermark)
        if begin is not None:
            begin(plan)
        failed, seconds, made = dict[str, Failed](), 0.0, 0
        try:
            write_rows(out / MANIFEST, before.values())
            clear(out)
            with closing(engine(speaker(out, lexicon, digest, watermark), plan.todo, workers)) as results:
                for index, result in results:
                    length_s = 0.0
                    if isinstance(result, Failed):
                        failed[result.job.file] = result
                    else:
                        length_s = float(result["seconds"])
                        made, seconds = made + 1, seconds + length_s
                    if progress is not None:
                        progress(plan.todo[index], length_s)
        finally:
            failures = [failed[job.file] for job in jobs if job.file in failed]
            _collect(jobs, out, digest, watermark, failures)
    return Outcome(made, seconds, len(plan.done), plan.changed, failures, plan.left_over)


def _plan(jobs: Sequence[Job], rows: dict[str, Row], lexicon_sha256: str, watermark: bool) -> Plan:
    done = {
        job.file: rows[job.file]
        for job in jobs
        if job.file in rows and rows[job.file]["hash"] == job.fingerprint(lexicon_sha256, watermark)
    }
    todo = [job for job in jobs if job.file not in done]
    wanted = {job.file for job in jobs}
    return Plan(todo, done, sum(job.file in rows for job in todo), [file for file in rows if file not in wanted])


def _collect(jobs: Sequence[Job], out: Path, lexicon_sha256: str, watermark: bool, failures: Sequence[Failed]) -> None:
    """Write the manifest in the order of the jobs, from what is on the disk, and remove what is not needed any more."""
    done = _plan(jobs, recorded(out), lexicon_sha256, watermark).done
    write_rows(out / MANIFEST, ({**done[job.file], "id": job.id} for job in jobs if job.file in done))
    clear(out)
    rows = [{"id": job.id, "line": job.line, "text": job.text, "error": error} for job, error in failures]
    if rows:
        write_rows(out / FAILURES, rows)
    else:
        (out / FAILURES).unlink(missing_ok=True)


def _check_ours(jobs: Sequence[Job], out: Path) -> None:
    """Raises `SsmphonyError` when ``out`` holds files of those names that no batch made: recordings, say."""
    if (out / HIDDEN).exists() or (out / MANIFEST).exists():
        return
    if found := next((job.file for job in jobs if (out / job.file).exists()), None):
        raise SsmphonyError(f"{out} holds {found}, which no batch wrote: choose another folder")
