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

from ssmphony.server.dispatch import SUPPORTED, Dispatcher, Inbox, Outbox
from ssmphony.server.log import log, write_log
from ssmphony.server.metrics import FOLDER
from ssmphony.server.settings import ServeSettings
from ssmphony.types import SsmphonyError

Work = Callable[[ServeSettings, str, Inbox, Callable[[], object]], None]
"""What a worker does at an address, with the connections it is handed, until it is asked to stop. It calls the last
argument when it is ready."""
_PAUSE_S = 1.0
_TICK_S = 0.5


class _Worker(NamedTuple):
    process: BaseProcess
    ready: Ready
    outbox: Outbox


def supervise(
    work: Work,
    settings: ServeSettings,
    listener: socket.socket,
    url: str,
    ready: Callable[[], object] | None = None,
) -> None:
    """Accept the connections of ``listener`` and spread them over the workers; ``url`` is where it listens.

    Keep ``settings.workers`` processes at work until SIGTERM or SIGINT, then let them finish. ``ready`` is called when
    the first of them is.

    Raises `SsmphonyError` when the first ones cannot begin.
    """
    if not SUPPORTED:
        raise SsmphonyError("--workers above 1 needs Unix: run several servers after a proxy instead")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    dispatcher = Dispatcher(listener)
    with tempfile.TemporaryDirectory(prefix="ssmphony-metrics-") as folder:
        os.environ[FOLDER] = folder  # read where prometheus_client is imported: in the workers
        workers = [_start(work, settings, url) for _ in range(settings.workers)]
        try:
            while not stop.is_set():
                able = [worker.outbox for worker in workers if worker.ready.is_set()]
                if able and ready is not None:
                    ready()
                    ready = None
                wait([*(worker.process.sentinel for worker in workers), *([listener] if able else [])], _TICK_S)
                if able and not stop.is_set():
                    _hand_out(dispatcher, able, stop)
                _replace_the_dead(workers, work, settings, url, dispatcher, stop)
        finally:
            listener.close()
            _end(workers, settings.drain_s + 5.0)


def _hand_out(dispatcher: Dispatcher, able: list[Outbox], stop: threading.Event) -> None:
    try:
        if not dispatcher.hand_out(able):
            log("a connection was closed: no worker takes any", logging.WARNING)
    except OSError as error:
        log(f"cannot accept connections: {error.strerror}", logging.ERROR)
        stop.wait(_PAUSE_S)  # it would fail again at once


def _start(work: Work, settings: ServeSettings, url: str) -> _Worker:
    context = multiprocessing.get_context("spawn")  # threads of ONNX Runtime do not survive a fork
    ready, outbox = context.Event(), Outbox(context)
    process = context.Process(target=_run, args=(work, settings, url, outbox.inbox, ready), name="ssmphony-worker")
    process.start()
    outbox.started()
    return _Worker(process, ready, outbox)


def _replace_the_dead(
    workers: list[_Worker],
    work: Work,
    settings: ServeSettings,
    url: str,
    dispatcher: Dispatcher,
    stop: threading.Event,
) -> None:
    dead = [worker for worker in workers if worker.process.exitcode is not None]
    if dead and not any(worker.ready.is_set() for worker in workers):
        raise SsmphonyError("the workers could not begin: the log says why")
    for worker in dead:
        if stop.is_set():
            return
        log("a worker ended, another begins", logging.ERROR, pid=worker.process.pid, exitcode=worker.process.exitcode)
        if not worker.ready.is_set():
            stop.wait(_PAUSE_S)  # it would fail again at once
        dispatcher.forget(worker.outbox)
        worker.outbox.close()
        workers[workers.index(worker)] = _start(work, settings, url)


def _end(workers: list[_Worker], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        worker.process.join(max(0.0, until - time.monotonic()))
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


def _run(work: Work, settings: ServeSettings, url: str, inbox: Inbox, ready: Ready) -> None:
    """In the worker's process."""
    write_log()
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        work(settings, url, inbox, ready.set)
    except SsmphonyError as error:
        log(str(error), logging.ERROR)
        sys.exit(1)


def _follow_parent() -> None:
    """Stop when the parent is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
