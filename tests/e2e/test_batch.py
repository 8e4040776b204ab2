"""``ssmphony batch`` as a person meets it: its messages, and going on after SIGKILL and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import ssmphony

JOBS = 14


def start(folder: Path, voice: Path, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]), "SSMPHONY_VOICES": str(voice)}
    command = [sys.executable, "-m", "ssmphony.cli", "batch", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


@pytest.fixture
def batch(tmp_path: Path, tiny_voice_folder: Path) -> Any:
    text = "".join(f"{i}|{'यह वाक्य थोड़ा लम्बा है। ' * 8}\n" for i in range(JOBS))
    (tmp_path / "jobs.csv").write_text(text, encoding="utf-8")
    home = tiny_voice_folder.parent
    return lambda *arguments: start(tmp_path, home, "jobs.csv", "-o", "out", "--voice", "tiny", *arguments)


def in_place(out: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.glob("*.wav")}


def wait_for_files(process: subprocess.Popen[str], out: Path, count: int) -> None:
    limit = time.monotonic() + 60
    while len(list(out.glob("*.wav"))) < count:
        assert process.poll() is None, finish(process)
        assert time.monotonic() < limit
        time.sleep(0.02)


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_sigkill_loses_nothing_and_nothing_is_done_twice(batch: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = batch("--workers", 2)
    wait_for_files(first, out, 4)
    workers = children(first.pid)
    first.kill()
    first.communicate()
    limit = time.monotonic() + 20
    while any(map(alive, workers)):  # they end with their parent
        assert time.monotonic() < limit, "a worker outlived the batch"
        time.sleep(0.02)
    before = in_place(out)
    assert 4 <= len(before) < JOBS

    code, output, errors = finish(batch("--workers", 2))
    assert (code, errors) == (0, "")
    assert output.startswith(f"{JOBS - len(before)} new files in out, {len(before)} were already there: ")
    after = in_place(out)
    assert {name: after[name] for name in before} == before
    assert [row["id"] for row in rows(out)] == [str(i) for i in range(JOBS)]
    assert {row["file"]: row["bytes"] for row in rows(out)} == {p.name: p.stat().st_size for p in out.glob("*.wav")}
    assert sorted(path.name for path in out.rglob("*") if path.suffix != ".wav") == [".batch", "lock", "manifest.jsonl"]

    code, output, _ = finish(batch())
    assert (code, output) == (0, f"nothing to do: all {JOBS} files are in out\n")
    assert in_place(out) == after


def test_ctrl_c_says_how_to_go_on(batch: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = batch("--workers", 2)
    wait_for_files(process, out, 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    code, output, errors = finish(process)
    assert (code, output) == (130, "")
    assert errors == "every file in out is complete; run the same command again to continue\nssmphony: interrupted\n"
    assert {row["file"] for row in rows(out)} == set(in_place(out))
    assert sorted(path.name for path in out.rglob("*") if path.suffix != ".wav") == [".batch", "lock", "manifest.jsonl"]


def test_what_a_person_reads(tmp_path: Path, tiny_voice_folder: Path) -> None:
    (tmp_path / "jobs.txt").write_text("एक।\n…\n", encoding="utf-8")
    arguments = ("jobs.txt", "-o", "out", "--voice", "tiny", "--format", "flac", "--workers", 1)
    code, output, errors = finish(start(tmp_path, tiny_voice_folder.parent, *arguments))
    assert code == 1
    assert output.startswith("1 new files in out: 0.0 minutes of audio, ")
    assert errors.splitlines() == [
        "  line 2, 00002: nothing to speak: the text holds no letter and no digit",
        "ssmphony: 1 of 2 jobs failed: see out/failures.jsonl",
    ]
    (tmp_path / "jobs.csv").write_text("id,text\n../a,एक\n", encoding="utf-8")
    code, output, errors = finish(
        start(tmp_path, tiny_voice_folder.parent, "jobs.csv", "-o", "other", "--voice", "tiny")
    )
    assert (code, output, len(errors.splitlines())) == (1, "", 1)
    assert errors.startswith("ssmphony: jobs.csv, line 2: '../a.wav' is a path")
    assert not (tmp_path / "other").exists()


def test_a_terminal_sees_the_rate_and_the_time_that_remains(tmp_path: Path, tiny_voice_folder: Path) -> None:
    pty = pytest.importorskip("pty")
    (tmp_path / "jobs.txt").write_text("एक।\nदो।\n" * 3, encoding="utf-8")
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
        "SSMPHONY_VOICES": str(tiny_voice_folder.parent),
        "TERM": "xterm",
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "ssmphony.cli", "batch", "jobs.txt", "-o", "out", "--voice", "tiny"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=theirs, stdout=subprocess.DEVNULL):
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 4096):
                shown += block
        except OSError:  # Linux's way to say that the other end is closed
            pass
    os.close(ours)
    assert b"times as fast as speech" in shown
    assert b"/6 files, " in shown
    assert b"0:00:0" in shown
