"""Compile the C++ files of this folder on first use, once for a user and a kind of processor.

They include neither PyTorch nor Python, so one library serves every version of both, and compiling takes seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import torch

FOLDER = Path(__file__).parent
NAME = "ssmphony_scan"

#: By what PyTorch finds in the processor. Never ``-march=native``: machines may share a home.
VECTOR_FLAGS = {"AVX512": ["-mavx512f", "-mfma"], "AVX2": ["-mavx2", "-mfma"]}


class NoCompilerError(Exception):
    """What is missing to compile."""


class BuildError(Exception):
    """Why there is no library, although there is a compiler."""


def load() -> ctypes.CDLL:
    """The compiled library; compiles it where there is none, or a damaged one.

    Raises NoCompilerError where nothing can be compiled, BuildError where that failed or the result cannot be loaded.
    """
    path = library()
    try:
        if not whole(path):
            once(path, compile_into)
        return ctypes.CDLL(str(path))
    except OSError as error:
        reason, advice = " ".join(str(error).split()), "set XDG_CACHE_HOME to a folder that can"
        raise BuildError(f"{reason}; if {path.parent} cannot hold programs, {advice}") from None


def library() -> Path:
    """Where the compiled library of these sources and this processor belongs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    texts = [path.read_bytes() for pattern in ("*.cpp", "*.h") for path in sorted(FOLDER.glob(pattern))]
    source = hashlib.sha256(b"\0".join([*texts, " ".join(flags()).encode()])).hexdigest()[:16]
    capability = torch.backends.cpu.get_cpu_capability().replace(" ", "_")
    return cache / "ssmphony" / "scan" / f"{platform.machine()}-{capability}-{source}" / f"{NAME}.so"


def flags() -> list[str]:
    # Apple's compiler has no OpenMP; a DecodeStack then runs on one thread.
    threads = ["-fopenmp", "-pthread"] if sys.platform == "linux" else []
    capability = torch.backends.cpu.get_cpu_capability()
    vectors = [*VECTOR_FLAGS.get(capability, []), *(["-mavx512vnni"] if capability == "AVX512" and _has_vnni() else [])]
    return ["-std=c++17", "-O3", "-fPIC", "-Wno-psabi", *threads, *vectors]


def _has_vnni() -> bool:
    """Whether the processor adds products of 8-bit integers in one AVX-512 instruction, by what Linux says."""
    file = Path("/proc/cpuinfo")
    return file.exists() and "avx512_vnni" in file.read_text(encoding="utf-8").split()


def compile_into(folder: Path) -> None:
    """Compile into ``folder / "ssmphony_scan.so"``."""
    compiler = shlex.split(os.environ.get("CXX") or "c++")
    if not compiler or not shutil.which(compiler[0]):
        raise NoCompilerError(f"a C++ compiler ({' '.join(compiler)})")
    sources = [str(path) for path in sorted(FOLDER.glob("*.cpp"))]
    command = [*compiler, *flags(), "-shared", *sources, "-o", str(folder / f"{NAME}.so")]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode or not (folder / f"{NAME}.so").exists():
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if "error" in line), lines[0] if lines else f"exit {done.returncode}")
        raise BuildError(f"{compiler[0]} failed: {reason}")


def whole(path: Path) -> bool:
    """Whether a library is as it was compiled: loading one that is cut short would end the process."""
    record = path.with_suffix(".sha256")
    return path.is_file() and record.is_file() and record.read_text(encoding="utf-8") == _digest(path)


def once(path: Path, make: Callable[[Path], None]) -> bool:
    """Let ``make`` write ``path.name`` into a folder it is given, and put that in place when it is whole.

    Of several processes one makes it and the others wait; False for those.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        if whole(path):
            return False
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            make(Path(folder))
            record = made.with_suffix(".sha256")
            record.write_text(_digest(made), encoding="utf-8")
            os.replace(made, path)
            os.replace(record, path.with_suffix(".sha256"))
        return True


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold the lock of a file. The system gives it back when a process dies, unlike a file that means "locked"."""
    try:
        import fcntl
    except ImportError as error:  # Windows
        raise NoCompilerError("a system with file locks (fcntl)") from error
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
