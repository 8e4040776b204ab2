"""Ray Data: the same work on a cluster, or on a Ray that is started here for it (extra ``ray``).

``ray.init`` joins the cluster of ``$RAY_ADDRESS`` or of this machine. Files that the work reads and writes must lie
where every machine finds them under the same path.
"""

from __future__ import annotations

import importlib
import logging
import os
import pickle
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from ssmphony.extras import needs_extra
from ssmphony.parallel import I, R, Start
from ssmphony.types import SsmphonyError

_BLOCK = 16  # items handed out at once, fewer where there are few
_STORE_BYTES = 100 << 20  # of a Ray started here: texts go in and rows come out, nothing large


def run_on_ray(
    start: Start[I, R], items: Sequence[I], workers: int | None = None
) -> Generator[tuple[int, R], None, None]:
    """An executor (see `ssmphony.parallel`); ``workers`` are Ray actors of one processor each."""
    if not items:
        return
    ray = _ray()
    ours = not ray.is_initialized()
    try:
        if ours:
            with _no_stderr():
                _connect(ray, workers)
        actors = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(items))
        blocks = max(-(-len(items) // _BLOCK), min(len(items), 4 * actors))
        rows = [{"index": index, "item": pickle.dumps(item)} for index, item in enumerate(items)]
        results = ray.data.from_items(rows, override_num_blocks=blocks).map(
            _Worker,
            fn_constructor_args=(start, os.getcwd()),
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=1,
        )
        for row in results.iter_rows():
            if row["error"]:
                raise SsmphonyError(row["error"])
            yield int(row["index"]), pickle.loads(row["result"])
    finally:
        if ours:
            ray.shutdown()


class _Worker:
    """An actor. An error the user can fix comes back as a row, because Ray wraps exceptions in its own."""

    def __init__(self, start: Start[Any, Any], folder: str) -> None:
        if os.path.isdir(folder):
            os.chdir(folder)  # so that relative paths mean what they mean to the caller
        self._start = start
        self._function: Callable[[Any], Any] | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        result, error = b"", ""
        try:
            if self._function is None:
                self._function = self._start()
            result = pickle.dumps(self._function(pickle.loads(row["item"])))
        except SsmphonyError as reason:
            error = str(reason)
        return {"index": row["index"], "result": result, "error": error}


def _ray() -> Any:
    """The package, silent: no usage statistics, no log lines and no bars between ours."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # as it will be; unset, Ray warns
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its core writes past Python's logging
    with needs_extra("ray"):
        ray: Any = importlib.import_module("ray")
        importlib.import_module("ray.data")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


@contextmanager
def _no_stderr() -> Generator[None, None, None]:
    """Ray's core announces there, whatever its log level, which one it was given."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _connect(ray: Any, workers: int | None) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = os.environ.get("RAY_ADDRESS") or "auto"
    try:
        if address != "local":
            ray.init(address=address, **quiet)
            return
    except ray.exceptions.AuthenticationError:
        raise SsmphonyError(
            "the Ray cluster asks for its token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN as on its machines"
        ) from None
    except ConnectionError as error:
        if address != "auto":
            raise SsmphonyError(f"no Ray cluster answers at RAY_ADDRESS={address}: {error}") from None
    ray.init(address="local", num_cpus=workers, object_store_memory=_STORE_BYTES, include_dashboard=False, **quiet)
