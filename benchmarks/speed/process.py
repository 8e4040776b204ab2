"""The parent's end of `benchmarks.speed.worker`: a system in a process and, for peers, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.speed.environments import COMPLETE, MODEL_FOLDER
from benchmarks.speed.peers import PEERS
from benchmarks.speed.systems import SYSTEMS, SystemMissing
from tools.environment import python_of
from tools.installed_size import MEGABYTE, sizes

PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"


@dataclass(frozen=True)
class Program:
    """How a system is started: its name for the worker, its interpreter, and the voice, where it is one of ours."""

    system: str
    python: str = sys.executable
    voice: str | None = None

    @property
    def command(self) -> list[str]:
        voice = ["--voice", self.voice] if self.voice else []
        return [self.python, "-m", "benchmarks.speed.worker", self.system, *voice]

    def environment(self, threads: int) -> dict[str, str]:
        """Variables of the process. NumPy's BLAS gets the same number of threads as ONNX Runtime."""
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        peers_own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**(peers_own if self.system in PEERS else os.environ), **limits}

    def installed_mb(self) -> float | None:
        """Megabytes of the packages and weights of a peer, without bytecode. None for what is no peer."""
        if self.system not in PEERS:
            return None
        done = subprocess.run([self.python, "-c", PACKAGES], check=True, capture_output=True, text=True)
        weights = Path(self.python).parents[1] / MODEL_FOLDER
        in_model = sum(path.stat().st_size for path in weights.rglob("*") if path.is_file())
        return (sizes(Path(done.stdout.strip()))[0].total() + in_model) / MEGABYTE


def programs_of(voices: list[str], pythons: dict[str, str], folder: Path) -> dict[str, Program]:
    """All systems by name: our voices, the first under ``ssmphony``; the systems of this environment; the peers.

    Args:
        voices: Names or folders of our voices; the default one, if empty.
        pythons: Interpreters of peers that are not in ``folder``, by name.
        folder: Where `benchmarks.speed.environments` made environments of peers.
    """
    first, *others = voices or [""]
    programs = {"ssmphony": Program("ssmphony", voice=first or None)}
    for voice in others:
        name = f"ssmphony {Path(voice).name}"
        programs[name if name not in programs else f"ssmphony {voice}"] = Program("ssmphony", voice=voice)
    programs |= {name: Program(name) for name in SYSTEMS if name != "ssmphony"}
    for name in PEERS:
        if name in pythons:
            programs[name] = Program(name, pythons[name])
        elif (folder / name / COMPLETE).exists():
            programs[name] = Program(name, str(python_of((folder / name).resolve())))
    return programs


class Process:
    """A system that is loaded, in its process. Use it as a context manager: leaving it ends the process.

    Raises `SystemMissing` where the system is not installed, and `RuntimeError` where it fails.
    """

    def __init__(self, program: Program, threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*program.command, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            cwd=ROOT,
            env=program.environment(threads),
        )
        self._name = program.system
        try:
            about = self._answer()
            if "missing" in about:
                raise SystemMissing(about["missing"])
        except BaseException:
            self.close()
            raise
        self.label: str = about["label"]
        self.language: str = about["language"]
        self.slow: bool = about["slow"]

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def speak(self, text: str, *, only_first: bool = False) -> dict[str, Any]:
        """One reading, timed in the process: a row of `worker.speak_once`."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"text": text, "only_first": only_first}) + "\n")
        self._process.stdin.flush()
        row = self._answer()
        if "error" in row:
            raise RuntimeError(f"{self._name} failed: {row['error']}")
        return row

    def peak_memory_mb(self) -> float:
        """Peak memory of the process until now; not a number where the system has no /proc."""
        status = Path(f"/proc/{self._process.pid}/status")
        if not status.exists():
            return float("nan")
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) / 1024

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"the process of {self._name} ended: {last}")
