"""The processes of this machine, one thread each."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from ssmphony.parallel import I, R, Start
from ssmphony.types import SsmphonyError

_WAITING = 2  # items handed to each process: the one it works on, and the next
_LOOK_S = 2.0
"""While nothing is finished, the pool is asked so often whether its processes live."""


def run_local(
    start: Start[I, R], items: Sequence[I], workers: int | None = None
) -> Generator[tuple[int, R], None, None]:
    """An executor (see `ssmphony.parallel`); with one worker, or for one item, in this very process."""
    if not items:
        return
    workers = min(workers or available_cores(), len(items))
    if workers == 1:
        work = start()
        for index, item in enumerate(items):
            yield index, work(item)
        return
    context = get_context("spawn")
    ends_with_us, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(start, ends_with_us))
    upcoming = iter(enumerate(items))
    waiting: dict[Future[R], int] = {}
    try:
        with _children_keep_still():
            for index, item in islice(upcoming, _WAITING * workers):
                waiting[pool.submit(_work, item)] = index
        while waiting:
            finished_now = wait(waiting, _LOOK_S, FIRST_COMPLETED).done
            if not finished_now:  # a pool overlooks the death of the process that it began last until it gets new work
                pool.submit(_nothing)
            for future in finished_now:
                finished = waiting.pop(future)
                for index, item in islice(upcoming, 1):
                    waiting[pool.submit(_work, item)] = index
                yield finished, future.result()
    except BrokenProcessPool:
        raise SsmphonyError(
            "a worker process was killed, perhaps for lack of memory: run again to continue, with fewer --workers"
        ) from None
    except BaseException:
        ours.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        ours.close()
        ends_with_us.close()


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_start: Start[Any, Any] | None = None
_function: Callable[[Any], Any] | None = None


def _begin(start: Start[Any, Any], ends_with_us: Connection) -> None:
    """What a new process does first: Ctrl-C is its parent's business, and it does not outlive its parent."""
    global _start
    _start = start
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(ends_with_us,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    parent.poll(None)  # until the other end is closed, by whatever ended the parent: SIGKILL too
    os._exit(1)


def _work(item: Any) -> Any:
    global _function
    if _function is None:  # not in `_begin`, where an error would break the pool without its reason
        assert _start is not None
        _function = _start()
    return _function(item)


def _nothing() -> None:
    pass


@contextmanager
def _children_keep_still() -> Generator[None, None, None]:
    """Processes that start here do not see Ctrl-C, not even before `_begin`, and compute on one thread."""
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if threads is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = threads
