"""What holds for every test: one thread each, and random examples that are the same every time."""

from __future__ import annotations

import os

# Before PyTorch and ONNX Runtime are imported: tests run in parallel processes, on two cores in CI.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("ssmphony", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("ssmphony")
