"""`triton_cases` in a process of its own: Triton decides at its import whether it compiles or interprets."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="Triton is not installed; PyTorch's CPU build does not bring it: pip install triton",
)


def run_cases(interpret: bool, marks: str) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": str(int(interpret)), "PYTHONPATH": os.pathsep.join(sys.path)}
    if interpret:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    cases = str(Path(__file__).with_name("triton_cases.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", marks, cases]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_in_the_interpreter() -> None:
    run_cases(interpret=True, marks="not slow")


@pytest.mark.slow
def test_the_rest_in_the_interpreter() -> None:
    run_cases(interpret=True, marks="slow")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_the_gpu() -> None:
    run_cases(interpret=False, marks="slow or not slow")
