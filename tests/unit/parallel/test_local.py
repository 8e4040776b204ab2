"""The processes of this machine: every item once, errors as they are, no orphans."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ssmphony.parallel.local import run_local
from ssmphony.types import SsmphonyError


def doubling(log: Path) -> Callable[[int], tuple[int, int]]:
    (log / f"{os.getpid()}-{threading.get_ident()}").touch()
    return partial(double, os.environ.get("OMP_NUM_THREADS"))


def double(threads: str | None, item: int) -> tuple[int, int]:
    assert threads == "1"
    if item == 99:
        raise SsmphonyError("ninety-nine cannot be doubled")
    if item == 98:
        os._exit(9)
    if item == 97:
        time.sleep(600)
    return 2 * item, os.getpid()


def test_every_item_once_and_one_start_a_process(tmp_path: Path) -> None:
    results = dict(run_local(partial(doubling, tmp_path), range(20), 2))
    assert {index: value for index, (value, _) in results.items()} == {index: 2 * index for index in range(20)}
    processes = {process for _, process in results.values()}
    assert os.getpid() not in processes
    assert len(list(tmp_path.iterdir())) == len(processes) <= 2


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    assert [*run_local(partial(doubling, tmp_path), [1, 2], 1)] == [(0, (2, os.getpid())), (1, (4, os.getpid()))]
    assert [*run_local(partial(doubling, tmp_path / "not started"), [], 2)] == []


def test_an_error_reaches_the_caller(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="ninety-nine"):
        list(run_local(partial(doubling, tmp_path), [1, 99, 97], 2))  # and does not wait for ten minutes


def test_a_killed_process_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=r"a worker process was killed.*fewer --workers"):
        list(run_local(partial(doubling, tmp_path), [98, 97], 2))


def test_closing_stops_the_processes(tmp_path: Path) -> None:
    with closing(run_local(partial(doubling, tmp_path), [1, 97, 97], 2)) as results:
        next(results)
    for process in (int(path.name.split("-")[0]) for path in tmp_path.iterdir()):
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
