"""tools/environment.py on a machine without ensurepip, as Debian ships Python."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools/environment.py"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment_tool", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_any_pip_the_installer_runs_in_the_new_environment(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "has", lambda module: False)
    installer = tmp_path / "get-pip.py"
    installer.write_text("import pathlib, sys; pathlib.Path(sys.prefix, 'installed').write_text('yes')")
    monkeypatch.setattr(tool, "GET_PIP", installer.as_uri())
    tool.main(tmp_path / "new")
    assert (tmp_path / "new/installed").read_text() == "yes"


def test_without_ensurepip_the_machines_pip_is_asked(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "has", lambda module: module == "pip")
    asked: list[list[str]] = []
    monkeypatch.setattr(tool.subprocess, "run", lambda command, check: asked.append(command))
    tool.main(tmp_path / "new")
    (command,) = asked
    assert command[:3] == [sys.executable, "-m", "pip"]
    assert Path(command[command.index("--python") + 1]).exists()


def test_one_line_when_pip_cannot_be_had(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "has", lambda module: False)
    monkeypatch.setattr(tool, "GET_PIP", (tmp_path / "nowhere.py").as_uri())
    with pytest.raises(SystemExit, match="python3-venv"):
        tool.main(tmp_path / "new")


def test_usage() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    assert done.returncode != 0
    assert "usage" in done.stderr
