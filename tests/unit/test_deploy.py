"""What `deploy/` says agrees with the package: commands, settings, versions; and its tools accept it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import ssmphony
from ssmphony.cli import app
from ssmphony.server.settings import PREFIX, ServeSettings, read_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "ssmphony.service").read_text(encoding="utf-8")
MANIFEST = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: name and arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def unit() -> dict[str, str]:
    return dict(line.split("=", 1) for line in UNIT.splitlines() if "=" in line and not line.startswith("#"))


def container() -> dict[str, Any]:
    return MANIFEST[0]["spec"]["template"]["spec"]["containers"][0]


def is_a_command(words: list[str]) -> bool:
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


def test_the_image_is_built_from_files_that_exist() -> None:
    for name, arguments in instructions():
        words = arguments.split()
        if name == "COPY" and not words[0].startswith("--from"):
            assert all((ROOT / source).exists() for source in words[:-1])
            assert all(f"!{source}" in (DEPLOY / "Dockerfile.dockerignore").read_text() for source in words[:-1])


@pytest.mark.integration
def test_a_wheel_is_built_from_the_files_of_the_image_alone(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    for name, arguments in instructions():
        words = arguments.split()
        if name == "COPY" and not words[0].startswith("--from"):
            for source in words[:-1]:
                if (ROOT / source).is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", "weights.safetensors")
                    shutil.copytree(ROOT / source, context / source, ignore=ignored)
                else:
                    shutil.copy(ROOT / source, context / source)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=context, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    for file in ("server/page/index.html", "server/page/messages.js", "voices/default/voice.json", "py.typed"):
        assert f"ssmphony/{file}" in names
    assert not any(name.endswith("weights.safetensors") for name in names)
    installed = re.findall(r'pip install .*"\.\[([\w,-]+)\]"', DOCKERFILE)
    assert installed
    for extra in installed[0].split(","):
        assert f"Provides-Extra: {extra}\n" in metadata


def test_the_image_runs_a_command_that_exists_as_nobody() -> None:
    found = dict(instructions())
    entry = yaml.safe_load(found["ENTRYPOINT"])
    assert entry[0] == "ssmphony"
    assert is_a_command(entry[1:])
    assert int(found["USER"].split(":")[0]) > 0
    assert [name for name, _ in instructions()].count("FROM") == 2
    assert "torch" not in DOCKERFILE
    assert "/health" in found["HEALTHCHECK"]


def test_settings_of_the_image_are_understood() -> None:
    given = dict(word.split("=", 1) for name, words in instructions() if name == "ENV" for word in shlex.split(words))
    settings = read_settings({}, given)
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert str(settings.port) in dict(instructions())["EXPOSE"].split()


def test_versions_agree() -> None:
    assert f'image.version="{ssmphony.__version__}"' in DOCKERFILE
    assert container()["image"] == f"ssmphony:{ssmphony.__version__}"
    assert MANIFEST[0]["metadata"]["labels"]["app.kubernetes.io/version"] == ssmphony.__version__
    images = {words.split()[0] for name, words in instructions() if name == "FROM"}
    assert len(images) == 1
    minor = images.pop().removeprefix("python:").removesuffix("-slim")
    assert f"Python :: {minor}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_unit_runs_a_command_that_exists_and_is_hardened() -> None:
    found = unit()
    assert is_a_command(found["ExecStart"].split()[1:])
    for name, value in {"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict"}.items():
        assert found[name] == value
    assert {"MemoryMax", "TasksMax", "LimitNOFILE"} <= found.keys()
    assert int(found["LimitNOFILE"]) > 2 * ServeSettings().connections
    assert int(found["TimeoutStopSec"]) > ServeSettings().drain_s


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "ssmphony.service"
    file.write_text(UNIT.replace("/opt/ssmphony/bin/ssmphony", "/bin/true"), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "ssmphony.service" in line]
    assert told == []


def test_the_manifest_agrees_with_the_server() -> None:
    kinds = [document["kind"] for document in MANIFEST]
    assert kinds == ["Deployment", "Service"]
    deployment, service = (document["spec"] for document in MANIFEST)
    pod, labels = deployment["template"]["spec"], deployment["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    names = {port["name"] for port in container()["ports"]}
    assert service["ports"][0]["targetPort"] in names
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container()[probe]["httpGet"] == {"path": "/health", "port": "http"}
    for variable in container()["env"]:
        assert variable["name"].removeprefix(PREFIX).lower() in ServeSettings.model_fields
    assert container()["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    user = dict(instructions())["USER"].split(":")[0]
    assert pod["securityContext"]["runAsUser"] == int(user)
    pause = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > ServeSettings().drain_s + pause
