"""The package for browsers, in Node.js: phones, samples and times equal those of Python."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.web_cases import without_rounding, write_cases
from tools import web

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def package(node_modules: None) -> Path:
    """The compiled package."""
    web.compile_package()
    return web.WEB


@pytest.mark.parametrize("exact", [True, False], ids=["without rounding", "as shipped"])
def test_equals_the_python_runtime(package: Path, tmp_path: Path, exact: bool) -> None:
    voice = without_rounding(web.VOICE, tmp_path / "voice") if exact else web.VOICE
    write_cases(tmp_path, voice, exact=exact)
    environment = {**os.environ, "SSMPHONY_CASES": str(tmp_path)}
    tests = [str(path.relative_to(package)) for path in sorted(package.glob("test/*.test.js"))]
    done = subprocess.run(["node", "--test", *tests], cwd=package, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "# skipped 0" in done.stdout


def test_nothing_but_the_types_is_missing(package: Path) -> None:
    """The package has what its ``exports`` name."""
    manifest = json.loads((package / "package.json").read_text(encoding="utf-8"))
    for entry in manifest["exports"].values():
        for path in [entry] if isinstance(entry, str) else entry.values():
            assert (package / path).is_file(), path
