"""The same work on a local Ray of two workers: the same files, and nothing of Ray on the terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ssmphony
from tests.unit.data.corpora import ljspeech

pytestmark = pytest.mark.slow
pytest.importorskip("ray.data")


def run(folder: Path, voice: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
        "SSMPHONY_VOICES": str(voice),
        "RAY_ADDRESS": "local",
    }
    command = [sys.executable, "-m", "ssmphony.cli", *map(str, arguments), "--workers", "2"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def manifest(out: Path) -> list[dict[str, object]]:
    lines = (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "ms": 0} for line in lines]


def content(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("manifest.jsonl", "journal.jsonl")
    }


def test_a_batch_on_ray_is_the_batch(tmp_path: Path, tiny_voice_folder: Path) -> None:
    home = tiny_voice_folder.parent
    words = "एक दो तीन चार पाँच छह सात आठ नौ दस".split()
    lines = [json.dumps({"id": f"वाक्य-{i}", "text": f"{word} घर।"}) for i, word in enumerate(words * 2)]
    (tmp_path / "jobs.jsonl").write_text("\n".join([*lines, '{"text": "…"}']), encoding="utf-8")
    arguments = ("batch", "jobs.jsonl", "--voice", "tiny", "-o")
    local = run(tmp_path, home, *arguments, "local")
    ray = run(tmp_path, home, *arguments, "ray", "--engine", "ray")
    assert (local.returncode, ray.returncode) == (1, 1), ray.stderr
    assert ray.stderr == local.stderr.replace("local/", "ray/")
    assert manifest(tmp_path / "ray") == manifest(tmp_path / "local")
    assert [row["id"] for row in manifest(tmp_path / "ray")] == [f"वाक्य-{i}" for i in range(20)]
    assert content(tmp_path / "ray") == content(tmp_path / "local")


def test_preparation_on_ray_is_the_preparation(tmp_path: Path) -> None:
    ljspeech(tmp_path / "in", {"a": "राम घर", "b": "पानी", "c": "दिन", "d": "…"})
    arguments = ("prepare", "ljspeech", "in", "-o")
    local = run(tmp_path, tmp_path, *arguments, "local")
    ray = run(tmp_path, tmp_path, *arguments, "ray", "--engine", "ray")
    assert (local.returncode, ray.returncode, ray.stderr) == (0, 0, local.stderr), ray.stderr
    assert manifest(tmp_path / "ray") == manifest(tmp_path / "local")
    assert len(manifest(tmp_path / "ray")) == 3
    assert content(tmp_path / "ray") == content(tmp_path / "local")
