"""Tables of the pages that follow from the code, not from a measurement: the layers of the package."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from benchmarks.tables import table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def layers() -> str:
    """The import layers of `pyproject.toml`, the highest first; packages of one row may not import each other."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    rows: list[list[str]] = []
    found: list[str] = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    for number, layer in zip(range(len(found), 0, -1), found, strict=True):
        packages = [name for name in re.findall(r"\w+", layer) if (ROOT / "src/ssmphony" / name).is_dir()]
        modules = [name for name in re.findall(r"\w+", layer) if (ROOT / "src/ssmphony" / f"{name}.py").is_file()]
        rows.append([str(number), ", ".join(f"`{name}`" for name in [*packages, *modules])])
    return table(["layer", "packages and modules"], rows)
