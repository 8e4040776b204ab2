"""``ssmphony book`` as a person meets it: killed and run again; and books that a validator accepts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import pytest

import ssmphony
from tests.book_files import docx, epub3, run


@pytest.fixture
def start(tmp_path: Path, tiny_voice_folder: Path) -> Any:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
        "SSMPHONY_VOICES": str(tiny_voice_folder.parent),
    }
    command = [sys.executable, "-m", "ssmphony.cli", "book"]
    return lambda *arguments: subprocess.Popen(
        [*command, *map(str, arguments), "--voice", "tiny"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def test_a_killed_run_leaves_nothing_half_written_and_goes_on(start: Any, tmp_path: Path) -> None:
    text = "\n\n".join(f"अध्याय {n}\n\n" + "यह एक लम्बा वाक्य है। " * 20 for n in range(1, 13))
    (tmp_path / "long.txt").write_text(text, encoding="utf-8")
    process = start("long.txt", "-o", "long.m4b", "--workers", 2)
    parts = tmp_path / ".long.m4b.parts"
    limit = time.monotonic() + 120
    while len(list(parts.glob("*.json"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "long.m4b").exists()
    assert "parts were spoken before" in finish(start("long.txt", "-o", "long.m4b", "--workers", 1))
    with av.open(tmp_path / "long.m4b") as book:
        assert len(book.chapters()) == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.m4b", "long.txt"]


@pytest.mark.skipif(shutil.which("epubcheck") is None or shutil.which("java") is None, reason="needs epubcheck")
@pytest.mark.parametrize("kind", ["epub3", "docx", "md"])
def test_a_validator_accepts_the_overlays(kind: str, start: Any, tmp_path: Path) -> None:
    source = tmp_path / f"a.{kind.rstrip('23')}"
    if kind == "epub3":
        epub3(source)
    elif kind == "docx":
        docx(source, ("H1", run("क &amp; ख")), ("", run("नमस्ते। ") + run("दुनिया", "i")))
    else:
        source.write_text("# क\n\n* एक\n* दो < तीन &#1;\n\n> उद्धरण\n\n# ख\n\n***\n", encoding="utf-8")
    finish(start(source, "-o", "out.epub", "--workers", 1))
    jar = os.path.realpath(str(shutil.which("epubcheck")))
    command = ["java", "-jar", jar] if not Path(jar).read_bytes().startswith(b"#!") else [jar]
    done = subprocess.run([*command, str(tmp_path / "out.epub")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 errors / 0 warnings" in done.stdout + done.stderr
