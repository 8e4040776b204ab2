"""``ssmphony say`` as a program: in pipes, with text that comes slowly, and stopped in the middle."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ssmphony

TEXT = "नमस्ते दुनिया। कैसे हो?"
SENTENCE = "आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। "


@pytest.fixture
def start(tiny_voice_folder, tmp_path):
    """Start ``ssmphony say`` in an empty folder."""
    started: list[subprocess.Popen[bytes]] = []
    (tmp_path / "work").mkdir()

    def begin(*arguments: str, **options) -> subprocess.Popen[bytes]:
        source = str(Path(ssmphony.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": source, "SSMPHONY_VOICES": str(tiny_voice_folder.parent)}
        command = [sys.executable, "-m", "ssmphony.cli", "say", "--voice", "tiny", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": tmp_path / "work", **pipes, **options}
        started.append(subprocess.Popen(command, env=environment, **options))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def test_wav_on_standard_output(start, tiny_voice_folder):
    output, errors = start(TEXT, "-o", "-").communicate(timeout=60)
    assert errors == b""
    expected = ssmphony.load(tiny_voice_folder).say(TEXT).samples
    samples, rate = soundfile.read(io.BytesIO(output), dtype="float32")
    assert rate == 24_000
    np.testing.assert_allclose(samples, expected, atol=1 / 30_000)


def test_standard_output_into_a_file_states_its_length(start, tmp_path, tiny_voice_folder):
    with (tmp_path / "a.wav").open("wb") as file:
        assert start(TEXT, "-o", "-", stdout=file).wait(timeout=60) == 0
    with wave.open(str(tmp_path / "a.wav")) as file:
        length = file.getnframes()
    assert length == len(ssmphony.load(tiny_voice_folder).say(TEXT).samples)


@pytest.mark.parametrize("option", [("-o", "-"), ("--output", "-", "--format", "opus"), ("--raw",)])
def test_a_pipe_that_closes_ends_it_quietly(start, option):
    process = start(*option)
    process.stdin.write(SENTENCE.encode() * 400)
    process.stdin.close()
    assert os.read(process.stdout.fileno(), 100)
    process.stdout.close()
    assert process.wait(timeout=60) == 128 + 13
    assert process.stderr.read() == b""


def test_a_full_device_is_one_line(start):
    with open("/dev/full", "wb") as full:
        _, errors = start(TEXT, "-o", "-", stdout=full).communicate(timeout=60)
    assert errors.decode() == "ssmphony: standard output: no space left on device\n"


@pytest.mark.parametrize("option", [("-o", "-"), ("--raw",)])
def test_a_terminal_gets_no_sound(start, option):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = start(TEXT, *option, stdout=theirs)
    _, errors = process.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 1
    assert errors.decode() == (
        f"ssmphony: {' '.join(option)} would write sound to the terminal: pipe it into a program or a file\n"
    )


@pytest.mark.parametrize("begin", ["नमस्ते, ", "हाँ,", "नमस्ते।", "वह बोला — "])
def test_what_is_complete_is_spoken_when_the_text_pauses(start, begin):
    process = start("--raw", "--timings", "t.json")
    process.stdin.write(begin.encode())
    process.stdin.flush()
    assert os.read(process.stdout.fileno(), 1000)  # before the rest is written
    process.communicate(" दुनिया, राम।".encode(), timeout=60)
    assert process.returncode == 0


def test_places_of_words_are_those_of_the_text(start, tmp_path):
    process = start("-o", "-", "--timings", "t.json")
    process.stdin.write("नमस्ते, ".encode())
    process.stdin.flush()
    assert os.read(process.stdout.fileno(), 1000)
    process.communicate("दुनिया।".encode(), timeout=60)
    words = json.loads((tmp_path / "work" / "t.json").read_text(encoding="utf-8"))["words"]
    assert [("नमस्ते, दुनिया।")[word["start"] : word["end"]] for word in words] == ["नमस्ते", "दुनिया"]


def test_a_file_does_not_depend_on_when_its_text_comes(start, tmp_path, tiny_voice_folder):
    """Nobody listens: the sentence stays whole."""
    process = start("-o", "a.wav")
    process.stdin.write("नमस्ते, ".encode())
    process.stdin.flush()
    time.sleep(1.5)
    process.communicate("दुनिया।".encode(), timeout=60)
    expected = ssmphony.load(tiny_voice_folder).say("नमस्ते, दुनिया।").samples
    assert soundfile.info(tmp_path / "work" / "a.wav").frames == len(expected)


def stop_in_the_middle(process: subprocess.Popen[bytes], folder: Path, number: int) -> str:
    process.stdin.write(SENTENCE.encode() * 1000)
    process.stdin.close()
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 200_000 for path in folder.iterdir()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(timeout=60)
    return process.stderr.read().decode()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_spoken_is_kept_when_asked(start, tmp_path, number, code):
    process = start("-o", "a.wav", "--timings", "a.srt", "--keep-partial")
    errors = stop_in_the_middle(process, tmp_path / "work", number)
    assert process.returncode == code
    assert errors.startswith("ssmphony: kept the ")
    assert sorted(os.listdir(tmp_path / "work")) == ["a.srt", "a.wav"]
    seconds = soundfile.info(tmp_path / "work" / "a.wav").duration
    assert seconds > 4
    assert (tmp_path / "work" / "a.srt").read_text(encoding="utf-8").startswith("1\n00:00:00,")


def test_without_being_asked_nothing_is_kept(start, tmp_path):
    process = start("-o", "a.wav", "--timings", "a.srt")
    errors = stop_in_the_middle(process, tmp_path / "work", signal.SIGINT)
    assert (process.returncode, errors) == (130, "ssmphony: interrupted\n")
    assert os.listdir(tmp_path / "work") == []


def test_stopped_before_the_first_sound_nothing_is_kept(start, tmp_path):
    process = start("-o", "a.wav", "--keep-partial")
    process.stdin.write("नम".encode())
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not os.listdir(tmp_path / "work"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    assert process.returncode == 130
    assert os.listdir(tmp_path / "work") == []
