"""The compiled library on machines as they are: no compiler, one that fails, a cache that is damaged or read-only."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssmphony.ssm.scan import build, cpu


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of one function, and an empty cache; where its compiled form belongs."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "one.cpp").write_text('extern "C" long one() { return 1; }', encoding="utf-8")
    monkeypatch.setattr(build, "FOLDER", sources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return build.library()


def loads() -> bool:
    try:
        return build.load().one() == 1
    except build.NoCompilerError as missing:
        pytest.skip(f"needs {missing}")


def said(caplog: pytest.LogCaptureFixture) -> str:
    """The one line that `cpu.loaded` logs where it could not load."""
    with caplog.at_level(logging.WARNING, logger=cpu.__name__):
        assert not cpu.loaded()
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert "slower PyTorch form" in record.getMessage()
    return record.getMessage()


def test_compiles_once_and_loads(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loads()
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert loads()


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "no record", "folder of nothing"])
def test_a_damaged_library_is_compiled_again(small: Path, damage: str) -> None:
    assert loads()
    whole = small.read_bytes()
    if damage == "no record":
        small.with_suffix(".sha256").unlink()
    elif damage == "folder of nothing":
        small.unlink()
    else:
        small.unlink()  # a new file: the one that is loaded stays as it is
        small.write_bytes({"empty": b"", "cut": whole[: len(whole) // 3], "changed": whole[:-1] + b"!"}[damage])
    assert not build.whole(small)
    build.once(small, build.compile_into)
    assert build.whole(small)
    assert ctypes.CDLL(str(small)).one() == 1


@pytest.mark.parametrize("compiler", ["/bin/false", "false -x", sys.executable])
def test_a_compiler_that_fails(
    small: Path, compiler: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CXX", compiler)
    assert f"compiling them failed: {compiler.split()[0]} failed" in said(caplog)
    assert not small.exists()


def test_a_compiler_that_writes_nothing(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CXX", "true")
    assert "true failed: exit 0" in said(caplog)


@pytest.mark.parametrize("compiler", ["no-such-compiler", "/no/such/g++ -O1"])
def test_no_compiler(
    small: Path, compiler: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CXX", compiler)
    assert f"install a C++ compiler ({compiler})" in said(caplog)


def test_a_cache_that_holds_no_programs(
    small: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a file system mounted with noexec answers."""
    assert loads()

    def refuse(path: str) -> None:
        raise OSError(f"{path}: failed to map segment from shared object: Operation not permitted")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    message = said(caplog)
    assert "failed to map segment" in message
    assert "set XDG_CACHE_HOME to a folder that can" in message


def test_a_cache_that_cannot_be_written(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "Not a directory" in said(caplog)


FRESH = """
import json, resource, sys, time
import torch
before = time.process_time()
import ssmphony.ssm
imported = time.process_time() - before
from ssmphony.nn import StackConfig
from ssmphony.nn.decode import DecodeStack
stack = StackConfig(d_model=8, n_layers=2, mixers=("s4", "mamba")).build()
x, mask = torch.randn(1, 40, 8), torch.ones(1, 40, dtype=torch.bool)
y, _ = stack(x, stack.initial_state(1), mask)
y.sum().backward()
fast = DecodeStack(stack, 1)
fast(x[:, :1], fast.initial_state(1), mask[:, :1])
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "imported": imported,
    "modules": sorted(name for name in ("torch._dynamo", "sympy", "torch.utils.cpp_extension") if name in sys.modules),
    "compiling": children.ru_utime + children.ru_stime,
    "megabytes": children.ru_maxrss / 1024,
}))
"""


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="sizes are those of Linux")
def test_first_use(tmp_path: Path) -> None:
    """Neither import nor use brings PyTorch's compiler; compiling takes seconds and little memory, without ninja."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, env=environment, check=True)
    measured = json.loads(done.stdout)
    assert measured["modules"] == []
    assert measured["imported"] < 1.5
    assert 0 < measured["compiling"] < 20
    assert measured["megabytes"] < 300
