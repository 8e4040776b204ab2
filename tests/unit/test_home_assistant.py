"""The add-on for Home Assistant: its configuration as the Supervisor documents it, its options as the server takes.

https://developers.home-assistant.io/docs/apps/configuration
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
import typer.main
import yaml
from pydantic import Field

import ssmphony
from ssmphony.cli import app
from ssmphony.config import Config, parse
from ssmphony.server.settings import read_settings

ADDON = Path(__file__).parents[2] / "integrations/home_assistant/addon"
if not ADDON.exists():
    pytest.skip("no checkout", allow_module_level=True)

KINDS = r"bool|str|int|float|email|url|password|port|device"
RANGE = r"\((-?[\d.]*),(-?[\d.]*)\)"
ELEMENT = re.compile(rf"((?P<kind>{KINDS})({RANGE})?|match\((?P<match>.*)\)|list\((?P<list>.+)\))(?P<optional>\?)?")


class Folder(Config):
    type: Literal[
        "homeassistant_config", "app_config", "all_app_configs", "local_apps", "ssl", "backup", "share", "media"
    ]
    read_only: bool = True
    path: str = ""


class AppConfig(Config):
    """What ``config.yaml`` may hold, as far as the add-on uses it; any other key is an error."""

    name: str
    version: str
    slug: str = Field(pattern=r"^[-_.A-Za-z0-9]+$")
    description: str
    arch: tuple[Literal["aarch64", "amd64"], ...] = Field(min_length=1)
    startup: Literal["initialize", "system", "services", "application", "once"] = "application"
    host_network: bool = False
    homeassistant: str = Field(default="", pattern=r"^\d{4}\.\d+\.\d+$")
    discovery: tuple[str, ...] = ()
    map: tuple[Folder, ...] = ()
    tmpfs: bool = False
    timeout: int = Field(default=10, ge=10, le=300)
    options: dict[str, Any]
    schema_: dict[str, str] = Field(alias="schema")


@pytest.fixture(scope="module")
def config() -> AppConfig:
    return parse(AppConfig, yaml.safe_load((ADDON / "config.yaml").read_text(encoding="utf-8")), "config.yaml")


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("home_assistant_run", ADDON / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(command: list[str]) -> Any:
    """What the server makes of a command, read by the command's own parser."""
    name, *options = command
    context = typer.main.get_command(app).commands[name].make_context(name, options)  # type: ignore[attr-defined]
    given = {key: value for key, value in context.params.items() if value not in (None, ())}
    if "voice" in given:
        given["voices"] = given.pop("voice")
    return read_settings(given)


def test_every_option_has_a_kind_a_name_in_each_language_and_a_default_that_fits(config: AppConfig) -> None:
    assert config.version == ssmphony.__version__
    assert config.discovery == ("wyoming",)
    assert config.host_network  # mDNS, and 127.0.0.1 of Home Assistant
    for key, kind in config.schema_.items():
        found = ELEMENT.fullmatch(kind)
        assert found, f"{key}: {kind}"
        assert (key in config.options) != bool(found["optional"])
        if found["kind"] == "bool":
            assert isinstance(config.options[key], bool)
    for language in ("en", "hi"):
        text = yaml.safe_load((ADDON / f"translations/{language}.yaml").read_text(encoding="utf-8"))
        assert text["configuration"].keys() == config.schema_.keys()
        assert all(set(entry) == {"name", "description"} for entry in text["configuration"].values())
    for key in config.schema_:
        assert f"`{key}`" in (ADDON / "DOCS.md").read_text(encoding="utf-8")


def test_options_are_settings_of_the_server(config: AppConfig, run: ModuleType) -> None:
    plain = settings(run.arguments(config.options, 10200))
    assert (plain.wyoming, plain.zeroconf, plain.host) == ("tcp://127.0.0.1:10200", False, "127.0.0.1")
    assert plain.drain_s < config.timeout
    everything = {
        "announce": True,
        "voice": "/share/ssmphony/asha",
        "lexicon": "/share/words.tsv",
        "threads": 3,
        "watermark": True,
        "http_port": 8000,
        "api_key": "sesame",
    }
    assert everything.keys() == config.schema_.keys()
    full = settings(run.arguments(everything, 10200))
    assert (full.wyoming, full.zeroconf) == ("tcp://0.0.0.0:10200", True)
    assert (full.voices, str(full.lexicon), full.threads) == (("/share/ssmphony/asha",), "/share/words.tsv", 3)
    assert (full.watermark, full.host, full.port) == (True, "0.0.0.0", 8000)
    assert "sesame" not in run.arguments(everything, 10200)  # a list of processes would show it


def test_the_page_is_not_opened_without_a_key(run: ModuleType) -> None:
    with pytest.raises(SystemExit, match="set api_key, too"):
        run.arguments({"http_port": 8000}, 10200)


def test_the_image_copies_files_that_are_there() -> None:
    text = (ADDON / "Dockerfile").read_text(encoding="utf-8")
    for source, _ in re.findall(r"^COPY (\S+) (\S+)$", text, re.MULTILINE):
        assert source == "ssmphony-*.whl" or (ADDON / source).is_file()
    assert f"BUILD_VERSION={ssmphony.__version__}" in text
    extras = re.findall(r"\[([\w,]+)\]", text)[0].split(",")
    project = (ADDON.parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert all(f"\n{extra} = [" in project for extra in extras)


class Supervisor(HTTPServer):
    """Takes messages as the Supervisor does, and keeps them."""

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = status
        self.received: list[tuple[str, str | None, Any]] = []
        self.arrived = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        supervisor = self.server
        assert isinstance(supervisor, Supervisor)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        supervisor.received.append((self.path, self.headers["Authorization"], body))
        self.send_response(supervisor.status)
        self.end_headers()
        supervisor.arrived.set()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_refused_message_is_one_line(
    run: ModuleType, supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor.status = 403
    run.announce(supervisor.server_port, supervisor.url, "t")
    assert re.fullmatch(r"the Supervisor took no message .* 403.*; add it by hand\n", capsys.readouterr().err)


@pytest.mark.integration
def test_home_assistant_is_told_where_the_voice_answers(
    supervisor: Supervisor, tiny_voice_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("zeroconf", reason="no mDNS here: pip install '.[zeroconf]'")
    from wyoming.client import AsyncTcpClient
    from wyoming.info import Describe, Info

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = tmp_path / "options.json"
    options.write_text(json.dumps({"announce": False, "watermark": True, "voice": str(tiny_voice_folder)}))
    start = (
        "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import run; run.OPTIONS = pathlib.Path(sys.argv[2]); "
    )
    start += "run.SUPERVISOR, run.PORT = sys.argv[3], int(sys.argv[4]); run.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, str(ADDON), str(options), supervisor.url, str(port)],
        env={**os.environ, "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]), "SUPERVISOR_TOKEN": "secret"},
        stderr=subprocess.PIPE,
    )

    async def describe(uri: str) -> Info:
        host, number = uri.removeprefix("tcp://").split(":")
        async with AsyncTcpClient(host, int(number)) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            return Info.from_event(event)

    try:
        assert supervisor.arrived.wait(120), process.poll()
        ((path, authorisation, message),) = supervisor.received
        assert (path, authorisation, message["service"]) == ("/discovery", "Bearer secret", "wyoming")
        info = asyncio.run(describe(message["config"]["uri"]))
        assert info.tts[0].voices[0].name == tiny_voice_folder.name
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
