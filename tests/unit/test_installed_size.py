"""The size of an installation: what counts, and when it is too large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import install

TOOL = Path(__file__).resolve().parents[2] / "tools/installed_size.py"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    contents = {
        "big/data.bin": 3_000_000,
        "big/__pycache__/a.cpython-311.pyc": 1_000_000,
        "small.py": 200_000,
        "pip/main.py": 5_000_000,
        "setuptools-80.0.dist-info/METADATA": 5_000_000,
    }
    for name, size in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * size)
    return tmp_path


def measured(packages: Path, limit: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, TOOL, packages, "--limit", limit], capture_output=True, text=True)


def test_counts_packages_without_bytecode_and_without_the_environment(packages: Path) -> None:
    done = measured(packages, "3.2")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3.2 MB of at most 3.2 MB without bytecode, 4.2 MB with the bytecode that is there\n"


def test_too_large_fails_and_names_the_largest(packages: Path) -> None:
    done = measured(packages, "3.1")
    assert done.returncode == 1
    assert "big 3.0" in done.stderr


def test_parts_of_the_table_add_up() -> None:
    result = {
        "date": "2026-01-01",
        "python": "3.11.0",
        "versions": {"numpy": "2.0"},
        "parts": {"NumPy": 50.0, "the default voice": 14.0},
        "files": 70.0,
        "with_bytecode": 90.5,
        "newest": {"version": "9.9", "files": 95.0},
    }
    text = install.breakdown(result)
    assert "| all else | 6.0 |" in text
    assert "ONNX Runtime 9.9 | 95.0 |" in text
    assert "70 MB with the voice, 90 MB" in install.sentence(result)
