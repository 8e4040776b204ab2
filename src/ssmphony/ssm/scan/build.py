"""Compile the C++ files of this folder on first use, once for a user, a PyTorch and a kind of processor."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
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


def load() -> None:
    """Make ``torch.ops.ssmphony`` hold the scans.

    Raises NoCompilerError where nothing could be compiled, RuntimeError or OSError where that failed.
    """
    path = library()
    if path.exists() or not once(path, compile_and_load):
        torch.ops.load_library(path)


def library() -> Path:
    """Where the compiled library of these sources, PyTorch and processor belongs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    texts = [path.read_bytes() for pattern in ("*.cpp", "*.h") for path in sorted(FOLDER.glob(pattern))]
    source = hashlib.sha256(b"\0".join([*texts, " ".join(flags()).encode()])).hexdigest()[:16]
    capability = torch.backends.cpu.get_cpu_capability().replace(" ", "_")
    key = f"torch-{torch.__version__}-{platform.machine()}-{capability}-{source}"
    return cache / "ssmphony" / "scan" / key / f"{NAME}.so"


def flags() -> list[str]:
    # Apple's compiler has no OpenMP; PyTorch's parallel_for then runs on one thread.
    threads = ["-fopenmp"] if sys.platform == "linux" else []
    return ["-O3", "-Wno-psabi", *threads, *VECTOR_FLAGS.get(torch.backends.cpu.get_cpu_capability(), [])]


def compile_and_load(folder: Path) -> None:
    """Compile into ``folder / "ssmphony_scan.so"`` and load that."""
    try:
        from torch.utils import cpp_extension
    except ImportError as error:
        raise NoCompilerError(f"the Python package {error.name}") from error
    compiler = cpp_extension.get_cxx_compiler()
    if not shutil.which(compiler.split()[0]):
        raise NoCompilerError(f"a C++ compiler ({compiler})")
    if not cpp_extension.is_ninja_available():
        raise NoCompilerError("ninja")
    cpp_extension.load(
        NAME,
        [str(path) for path in sorted(FOLDER.glob("*.cpp"))],
        extra_cflags=flags(),
        extra_ldflags=[flag for flag in flags() if flag == "-fopenmp"],
        build_directory=str(folder),
        is_python_module=False,
    )


def once(path: Path, make: Callable[[Path], None]) -> bool:
    """Let ``make`` write ``path.name`` into a folder it is given, and put that in place when it is whole.

    Of several processes one makes it and the others wait; False for those.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        if path.exists():
            return False
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            make(Path(folder))
            os.replace(Path(folder) / path.name, path)
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
