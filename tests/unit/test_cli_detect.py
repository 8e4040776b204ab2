"""``ssmphony detect``, and the option that leaves what it finds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ssmphony.audio.files import AudioWriter, read_audio
from ssmphony.audio.watermark import Watermark
from ssmphony.cli import app
from tests.unit.audio.test_watermark import RATE, speech_like

TEXT = "नमस्ते दुनिया। कैसे हो?"


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def files(tmp_path):
    plain = speech_like(4)
    watermark = Watermark(RATE)
    sounds = {
        "marked.wav": np.concatenate((watermark.process(plain), watermark.finish())),
        "plain.flac": plain,
        "short.wav": plain[:RATE],
    }
    for name, samples in sounds.items():
        with AudioWriter(tmp_path / name, RATE) as writer:
            writer.write(samples)
    return {name: tmp_path / name for name in sounds}


def test_the_answer_and_the_status(files):
    found = run("detect", files["marked.wav"])
    assert found.exit_code == 0
    assert "marked.wav: marked as synthetic (score " in found.stdout
    missing = run("detect", files["marked.wav"], files["plain.flac"], files["short.wav"])
    assert missing.exit_code == 1
    lines = missing.stdout.splitlines()
    assert "plain.flac: no mark found (score " in lines[1]
    assert "short.wav: no mark found; it is shorter than 3 s (score " in lines[2]


def test_an_object_a_line(files):
    result = run("detect", "--json", files["marked.wav"], files["plain.flac"])
    assert result.exit_code == 1
    marked, plain = map(json.loads, result.stdout.splitlines())
    assert (marked["marked"], plain["marked"]) == (True, False)
    assert marked["bound"] < 1e-4 < plain["bound"]
    assert set(marked) == {"file", "marked", "score", "bound", "start_s"}


@pytest.mark.parametrize("name", ["a.m4a", "a.aac"])
def test_what_is_written_with_pyav_is_read_with_it(name, tmp_path):
    pytest.importorskip("av", reason="no PyAV here: pip install '.[serve]'")
    plain = speech_like(4)
    watermark = Watermark(RATE)
    with AudioWriter(tmp_path / name, RATE) as writer:
        writer.write(np.concatenate((watermark.process(plain), watermark.finish())))
    assert "marked as synthetic" in run("detect", tmp_path / name).stdout
    (tmp_path / name).write_bytes(b"no sound")
    broken = run("detect", tmp_path / name)
    assert broken.exit_code == 1
    assert broken.stderr.startswith(f"ssmphony: cannot read {tmp_path / name}: ")
    assert broken.stderr.count("\n") == 1


def test_what_is_no_sound_is_one_line(tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    result = run("detect", tmp_path / "a.wav")
    assert result.exit_code == 1
    assert "not an audio file" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_said_is_marked(tmp_path, tiny_voice_folder, monkeypatch):
    monkeypatch.setenv("SSMPHONY_VOICES", str(tiny_voice_folder.parent))
    for name, options in (("a.wav", ()), ("b.wav", ("--watermark",))):
        assert run("say", "--voice", "tiny", TEXT, "-o", tmp_path / name, *options).exit_code == 0
    plain, rate = read_audio(tmp_path / "a.wav")
    watermark = Watermark(rate)
    expected = np.concatenate((watermark.process(plain), watermark.finish()))
    np.testing.assert_allclose(read_audio(tmp_path / "b.wav")[0], expected, atol=1 / 15_000)


def test_a_batch_is_done_again_with_the_mark(tmp_path, tiny_voice_folder):
    (tmp_path / "jobs.txt").write_text(f"{TEXT}\n", encoding="utf-8")
    command = ("batch", tmp_path / "jobs.txt", "-o", tmp_path / "out", "--voice", tiny_voice_folder, "--workers", 1)
    assert run(*command).exit_code == 0
    plain = (tmp_path / "out" / "00001.wav").read_bytes()
    assert "1 jobs changed" in run(*command, "--watermark").stdout
    assert (tmp_path / "out" / "00001.wav").read_bytes() != plain
    assert "nothing to do" in run(*command, "--watermark").stdout
