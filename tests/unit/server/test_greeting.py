"""What `ssmphony serve` tells a person who starts it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import ssmphony
from ssmphony.cli.serve import _greet
from ssmphony.server import ServeSettings


def test_it_says_where_to_look(capsys):
    _greet(ServeSettings(), "http://127.0.0.1:8000")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "http://127.0.0.1:8000/\n" in shown.err
    assert "http://127.0.0.1:8000/docs\n" in shown.err
    assert "curl http://127.0.0.1:8000/v1/audio/speech" in shown.err
    assert "Bearer" not in shown.err


def test_keys_are_not_shown_and_addresses_can_be_opened(capsys):
    settings = ServeSettings(api_key="secret", wyoming="tcp://127.0.0.1:10200")
    for bound, reachable in (("0.0.0.0", "127.0.0.1"), ("[::]", "[::1]")):
        _greet(settings, f"http://{bound}:80")
        shown = capsys.readouterr().err
        assert f"http://{reachable}:80/" in shown
        assert bound not in shown.replace(reachable, "")
        assert "Authorization: Bearer YOUR_KEY" in shown
        assert "secret" not in shown
        assert "tcp://127.0.0.1:10200" in shown


@pytest.mark.integration
@pytest.mark.parametrize("workers", [1, 2])
def test_a_terminal_is_greeted_and_the_command_works(tiny_voice_folder, tmp_path, workers):
    pty = pytest.importorskip("pty")
    pytest.importorskip("av")
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "SSMPHONY_VOICES": str(tiny_voice_folder.parent),
        "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
    }
    command = [sys.executable, "-m", "ssmphony.cli", "serve", "--voice", "tiny", "--port", "0"]
    with subprocess.Popen([*command, "--workers", str(workers)], stderr=theirs, env=environment) as server:
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + 60
        while b"Ctrl-C stops it" not in shown and time.monotonic() < deadline:
            if select.select([ours], [], [], 1)[0]:
                shown += os.read(ours, 4096)
        try:
            text = shown.decode().replace("\r\n", "\n")
            tried = re.search(r"curl .*?hello\.mp3", text, re.DOTALL)
            assert tried, text
            subprocess.run(["sh", "-c", tried[0]], cwd=tmp_path, check=True, timeout=60, capture_output=True)
            assert (tmp_path / "hello.mp3").read_bytes()[:3] == b"ID3"
        finally:
            server.terminate()
            with suppress(OSError):  # Linux's way to say that the other end is closed
                while os.read(ours, 4096):  # or the server would wait to write
                    pass
    os.close(ours)


@pytest.mark.integration
def test_programs_get_only_the_log(tiny_voice_folder, tmp_path):
    from tests.unit.server.test_process import started

    with started(tiny_voice_folder.parent, tmp_path / "log") as server:
        server.begin()
        assert all(line.startswith("{") for line in server.said.splitlines())
