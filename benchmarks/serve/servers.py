"""The servers that are measured, each in its own process, and what their listeners hear of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.spoken_texts import SENTENCES

Row = dict[str, Any]
OURS, NAIVE, BEFORE = "ssmphony serve", "one after another", "the version before"
WORKER = [sys.executable, "-m", "benchmarks.serve.worker"]


class Server(NamedTuple):
    port: int
    pid: int

    def memory_mb(self) -> float:
        return sum(_status_kb(pid, "VmRSS") for pid in _family(self.pid)) / 1024

    def processor_s(self) -> float:
        ticks = 0
        for pid in _family(self.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _status_kb(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def running(system: str, voice: str | None, python: str = sys.executable) -> Generator[Server, None, None]:
    """A server in its own process, from its first answer on; ``python`` runs it where it is `BEFORE`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = dict(os.environ)
    if system == NAIVE:
        command = [*WORKER, "naive", str(port), *([voice] if voice else [])]
    else:
        command = [python, "-m", "ssmphony.cli", "serve", "--port", str(port)]
        command += ["--voice", voice] if voice else []
    if system == BEFORE:
        environment.pop("PYTHONPATH", None)  # it would lead to this version
    with (
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory() as elsewhere,  # Python also looks for modules where it is started
        subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=elsewhere if system == BEFORE else None
        ) as process,
    ):
        try:
            _wait(process, port)
            yield Server(port, process.pid)
        except ServerDown:
            log.seek(0)
            raise SystemExit(f"{system} did not start:\n{log.read().decode()}") from None
        finally:
            process.terminate()


class ServerDown(Exception):
    pass


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise ServerDown


def listen(server: Server, **plan: Any) -> Row:
    """Run a plan in a process of listeners."""
    before = server.processor_s()
    data = json.dumps({"port": server.port, "texts": SENTENCES, **plan})
    command = [sys.executable, "-m", "benchmarks.serve.client"]
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=True)
    return {**json.loads(done.stdout), "server_processor_s": server.processor_s() - before}
