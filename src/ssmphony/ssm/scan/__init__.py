"""Linear recurrences with input-dependent decay: the selective scan (S6) and SSD."""

from __future__ import annotations

from ssmphony.ssm.scan.reference import selective_scan, ssd

__all__ = ["selective_scan", "ssd"]
