"""Several processes that share a port: one that dies is replaced, all end together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as Ready
from typing import NamedTuple

from ssmphony.server.log import log, write_log
from ssmphony.server.metrics import FOLDER
from ssmphony.server.settings import ServeSettings
from ssmphony.types import SsmphonyError

Work = Callable[[ServeSettings, socket.socket, Ready], None]
"""What a worker does, until it is told to stop."""
_PAUSE_S = 1.0
_TICK_S = 0.5


class _Worker(NamedTuple):
    process: BaseProcess
    ready: Ready


def supervise(work: Work, settings: ServeSettings, listener: socket.socket) -> None:
    """Keep ``settings.workers`` processes at work until SIGTERM or SIGINT, then let them finish.

    Raises `SsmphonyError` when the first ones cannot begin.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="ssmphony-metrics-") as folder:
        os.environ[FOLDER] = folder  # read where prometheus_client is imported: in the workers
        workers = [_start(work, settings, listener) for _ in range(settings.workers)]
        try:
            while not stop.is_set():
                wait([worker.process.sentinel for worker in workers], _TICK_S)
                _replace_the_dead(workers, work, settings, listener, stop)
        finally:
            listener.close()
            _end(workers, settings.drain_s + 5.0)


def _start(work: Work, settings: ServeSettings, listener: socket.socket) -> _Worker:
    context = multiprocessing.get_context("spawn")  # threads of ONNX Runtime do not survive a fork
    ready = context.Event()
    process = context.Process(target=_run, args=(work, settings, listener, ready), name="ssmphony-worker")
    process.start()
    return _Worker(process, ready)


def _replace_the_dead(
    workers: list[_Worker], work: Work, settings: ServeSettings, listener: socket.socket, stop: threading.Event
) -> None:
    dead = [worker for worker in workers if worker.process.exitcode is not None]
    if dead and not any(worker.ready.is_set() for worker in workers):
        raise SsmphonyError("the workers could not begin: the log says why")
    for worker in dead:
        log("a worker ended, another begins", logging.ERROR, pid=worker.process.pid, exitcode=worker.process.exitcode)
        if not worker.ready.is_set():
            stop.wait(_PAUSE_S)  # it would fail again at once
        workers[workers.index(worker)] = _start(work, settings, listener)


def _end(workers: list[_Worker], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(max(0.0, until - time.monotonic()))
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


def _run(work: Work, settings: ServeSettings, listener: socket.socket, ready: Ready) -> None:
    """In the worker's process."""
    write_log()
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        work(settings, listener, ready)
    except SsmphonyError as error:
        log(str(error), logging.ERROR)
        sys.exit(1)


def _follow_parent() -> None:
    """Stop when the parent is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
