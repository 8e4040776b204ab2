"""The scans for GPUs, written in Triton: float32, bfloat16 and float16 inputs, float32 inside; with their gradients.

``torch.ops.ssmphony.triton_selective_scan`` and ``triton_ssd``. PyTorch's CUDA and ROCm builds bring Triton along.
"""

from __future__ import annotations

from ssmphony.ssm.scan import operators
from ssmphony.ssm.scan.triton import selective, ssd

operators.define("triton_selective_scan", selective.forward, selective.backward)
operators.define("triton_ssd", ssd.forward, ssd.backward)
operators.register("triton_selective_scan", operators.REFERENCE["selective_scan"], selective.kept)
operators.register("triton_ssd", operators.REFERENCE["ssd"], ssd.kept)
