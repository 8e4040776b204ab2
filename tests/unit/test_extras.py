"""The command that installs an extra works from where ssmphony was installed, and from a checkout as documented."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ssmphony.extras
from ssmphony.extras import install_command, needs_extra
from ssmphony.types import SsmphonyError

ROOT = Path(__file__).resolve().parents[2]
METADATA = """Metadata-Version: 2.4
Name: ssmphony
Version: 0.1.0
Provides-Extra: serve
Provides-Extra: train
Requires-Dist: numpy>=1.26
Requires-Dist: fastapi>=0.115; extra == 'serve'
Requires-Dist: tomli>=2.0; (python_version < '3.11') and extra == 'serve'
Requires-Dist: uvicorn<1,>=0.54; extra == 'serve'
Requires-Dist: torch>=2.5; extra == 'train'
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the package lie in an environment, with the record of an installer."""
    site = tmp_path / "lib" / "python3" / "site-packages"
    info = site / "ssmphony-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA, encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(ssmphony.extras, "__file__", str(site / "ssmphony" / "extras.py"))

    def record(direct_url: dict[str, Any] | None) -> list[str]:
        if direct_url is not None:
            (info / "direct_url.json").write_text(json.dumps(direct_url), encoding="utf-8")
        return shlex.split(install_command("serve"))

    return record


def test_a_checkout_is_named_whatever_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert shlex.split(install_command("serve")) == ["pip", "install", "-e", f"{ROOT}[serve]"]


def test_a_folder_that_was_installed_is_named_while_it_exists(installed: Any, tmp_path: Path) -> None:
    folder = tmp_path / "my checkout"
    folder.mkdir()
    origin = {"dir_info": {}, "url": folder.as_uri()}
    assert installed(origin) == ["pip", "install", f"{folder}[serve]"]
    folder.rmdir()
    assert installed(origin)[2] == "fastapi>=0.115"


def test_a_repository_is_named_with_its_commit(installed: Any) -> None:
    origin = {"url": "https://git.example.org/s.git", "vcs_info": {"vcs": "git", "commit_id": "58d7e54"}}
    assert installed(origin)[2:] == ["ssmphony[serve] @ git+https://git.example.org/s.git@58d7e54"]


def test_a_file_from_the_network_is_named(installed: Any) -> None:
    url = "https://files.example.org/ssmphony-0.1.0-py3-none-any.whl"
    assert installed({"url": url, "archive_info": {}})[2:] == [f"ssmphony[serve] @ {url}"]


def test_without_an_origin_the_packages_are_named(installed: Any) -> None:
    assert installed(None)[2:] == ["fastapi>=0.115", "tomli>=2.0; python_version < '3.11'", "uvicorn<1,>=0.54"]


def test_a_missing_package_is_one_line() -> None:
    line = re.escape(f"this needs none_such: {install_command('serve')}")
    with pytest.raises(SsmphonyError, match=line), needs_extra("serve"):
        __import__("none_such.part")
    with pytest.raises(ModuleNotFoundError, match=r"ssmphony\.none_such"), needs_extra("serve"):
        __import__("ssmphony.none_such")


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn", "wyoming", "websockets"])
def test_serve_says_what_works_in_this_checkout(missing: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom ssmphony.cli import app\napp(['serve', '--port', '0'])\n"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"ssmphony: this needs {missing}: pip install -e '{ROOT}[serve]'\n"
