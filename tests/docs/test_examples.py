"""Every Python and shell example of the README and the documentation runs; what cannot run is still checked."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from ssmphony.cli import app
from ssmphony.config import load_yaml, merge, parse
from ssmphony.export.voice import CardConfig
from tests.docs.pages import ALL, PAGES, ROOT, Block
from tests.tiny_voice import make_voice
from tests.training_files import check_training_file

VOICE = ROOT / "src/ssmphony/voices/default/voice.json"
SHELL = ("sh", "bash")


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the examples find a voice: the default one, or a small random one while that is missing."""
    if VOICE.exists():
        return {}
    folder = tmp_path_factory.mktemp("voices")
    make_voice(folder / "default")
    return {"SSMPHONY_VOICES": str(folder)}


@pytest.fixture(scope="session")
def server(voices: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the examples of `docs/serve.md` find a server."""
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "ssmphony.cli", "serve", "--port", "0"]
        process = subprocess.Popen(command, stderr=file, env={**os.environ, **voices})
    try:
        until = time.monotonic() + 60
        while not (found := re.search(r'"url": "(.+?)"', log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield {**voices, "OPENAI_BASE_URL": f"{found.group(1)}/v1", "OPENAI_API_KEY": "none"}
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def surroundings(block: Block, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of an example."""
    return request.getfixturevalue("server" if block.page.name == "serve.md" else "voices")


def runnable(*languages: str) -> list[object]:
    chosen = [block for block in ALL if block.language in languages and not block.note]
    return [pytest.param(block, id=block.where) for block in chosen]


def run(command: list[str], block: Block, folder: Path, surroundings: dict[str, str]) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **surroundings, "PATH": path, "PYTHONUTF8": "1", "TERM": "dumb"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{block.where} failed:\n{block.code}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", runnable("python"))
def test_python_example_runs(block: Block, tmp_path: Path, surroundings: dict[str, str]) -> None:
    (tmp_path / "example.py").write_text(block.code, encoding="utf-8")
    run([sys.executable, "example.py"], block, tmp_path, surroundings)


@pytest.mark.parametrize("block", runnable(*SHELL))
def test_shell_example_runs(block: Block, tmp_path: Path, surroundings: dict[str, str]) -> None:
    run(["bash", "-euo", "pipefail", "-c", block.code], block, tmp_path, surroundings)


@pytest.mark.parametrize("block", runnable("yaml"))
def test_yaml_example_is_valid(block: Block) -> None:
    data = yaml.safe_load(block.code)
    if base := data.pop("extends", None):
        check_training_file(merge(load_yaml(ROOT / base), data))
    else:
        parse(CardConfig, data, block.where)


def test_no_fence_is_overlooked() -> None:
    fences = sum(line.lstrip().startswith(("```", "~~~")) for page in PAGES for line in page.read_text().splitlines())
    assert fences == 2 * len(ALL)
    assert {page.name for page in PAGES} >= {"README.md", "CONTRIBUTING.md", "start.md", "extend.md"}
    for block in ALL:
        known = ("python", *SHELL, "yaml", "json", "text", "html", "js")
        assert block.language in known, f"{block.where}: name the language"


def test_what_is_not_run_is_a_shell_command() -> None:
    for block in ALL:
        assert not block.note or block.language in SHELL, f"{block.where}: an example in {block.language} must run"


def whole_lines(code: str) -> Iterator[str]:
    """The lines of a shell block; a quoted text of several lines is one with what is around it."""
    line = ""
    for part in code.splitlines():
        line = f"{line}\n{part}" if line else part
        if line.split(" #")[0].count("'") % 2 == 0:
            yield line
            line = ""


def commands() -> list[object]:
    """Each ``ssmphony …`` of a shell block, run or not."""
    found: list[object] = []
    for block in (block for block in ALL if block.language in SHELL):
        for line in whole_lines(block.code.replace("\\\n", " ")):
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
            lexer.whitespace_split = True
            words = list(itertools.takewhile(lambda word: word[:1] not in ("|", "<", ">") or " " in word, lexer))
            if words[:1] == ["ssmphony"]:
                found.append(pytest.param(words[1:], id=f"{block.where}-{words[1]}"))
    return found


@pytest.mark.parametrize("words", commands())
def test_command_line_takes_what_the_page_shows(words: list[str]) -> None:
    commands: dict[str, Any] = typer.main.get_command(app).commands
    name, *arguments = words
    assert name in commands, f"there is no command {name}"
    commands[name].make_context(name, arguments)
