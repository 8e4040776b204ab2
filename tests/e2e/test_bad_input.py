"""What happens when input, disk or patience runs out: one clear line, an exit code, nothing half-written."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ssmphony

SENTENCE = "आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं। "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def start(tiny_voice_folder: Path, folder: Path):
    """Start ``ssmphony`` in an empty folder; every process is dead at the end of the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, **options) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(ssmphony.__file__).parents[1]),
            "SSMPHONY_VOICES": str(tiny_voice_folder.parent),
        }
        command = [sys.executable, "-m", "ssmphony.cli", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=folder, env=environment, **{**pipes, **options}))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


@pytest.fixture
def fails(start):
    """Run ``ssmphony say``, expect it to fail, and return its one line."""

    def run(*arguments: str, stdin: bytes = b"", code: int = 1, **options) -> str:
        process = start("say", "--voice", "tiny", *arguments, **options)
        _, errors = process.communicate(stdin, timeout=60)
        return one_line(process.returncode, errors, code)

    return run


def one_line(returncode: int, errors: bytes, code: int = 1) -> str:
    text = errors.decode()
    assert returncode == code, text
    assert text.startswith("ssmphony: ")
    assert text.count("\n") == 1, text
    return text.strip()


NOTHING = "ssmphony: nothing to speak: the text holds no letter and no digit"


@pytest.mark.parametrize(
    "text",
    ["", "   \n\t  \u00a0\u200b", "🙂🎉👩‍👩‍👧‍👦", "\x01\x02\x07\x1b\x7f\x00"[:5], "।।। ... !?", "\u0301\u094d\u200d"],
    ids=["empty", "whitespace", "emoji", "control", "punctuation", "marks"],
)
@pytest.mark.parametrize("way", ["argument", "stdin"])
def test_nothing_to_speak(fails, folder, text, way):
    arguments, stdin = ([text], b"") if way == "argument" else ([], text.encode())
    assert fails(*arguments, "-o", "out.wav", "--timings", "out.json", stdin=stdin) == NOTHING
    assert os.listdir(folder) == []


def test_control_characters_inside_words_do_no_harm(start, folder):
    process = start("say", "--voice", "tiny", "-o", "out.wav")
    _, errors = process.communicate("नम\x00स्ते\x1b[31m \x07दु\x08निया\r\n".encode(), timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert soundfile.info(folder / "out.wav").duration > 0.3


@pytest.mark.parametrize("way", ["stdin", "file"])
def test_invalid_utf8(fails, folder, tmp_path, way):
    """The place is named, and what was already spoken is not left as half a file."""
    data = SENTENCE.encode() * 3 + b"\xff\xfe" + SENTENCE.encode()
    source = tmp_path / "text.txt"
    source.write_bytes(data)
    arguments = ["--file", str(source)] if way == "file" else []
    message = fails(*arguments, "-o", "out.wav", stdin=b"" if way == "file" else data)
    assert f"is not valid UTF-8 (byte {len(SENTENCE.encode()) * 3})" in message
    assert os.listdir(folder) == []


def test_utf8_cut_at_the_end(fails, folder):
    assert "is not valid UTF-8" in fails("-o", "out.wav", stdin=SENTENCE.encode() + "न".encode()[:2])
    assert os.listdir(folder) == []


def test_invalid_utf8_in_the_argument(fails):
    assert "not valid UTF-8" in fails(b"\xe0\xa4", "-o", "out.wav")


@pytest.mark.parametrize(
    "megabyte",
    [
        SENTENCE.encode() * (1_000_000 // len(SENTENCE.encode())),
        ("क" * 340_000).encode(),
        b" " * 999_000 + "हाँ".encode(),
    ],
    ids=["sentences", "one word", "mostly blank"],
)
def test_a_megabyte_of_text_starts_to_speak_at_once(start, folder, megabyte):
    """In little memory, too: the megabyte is read as it is spoken."""
    (folder / "text.txt").write_bytes(megabyte)
    began = time.monotonic()
    process = start("say", "--voice", "tiny", "--raw", "--file", "text.txt")
    assert len(os.read(process.stdout.fileno(), 4000)) > 0
    assert time.monotonic() - began < 20
    peak = int(next(x for x in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in x).split()[1])
    assert peak < 200_000  # kB
    process.stdout.close()
    assert process.wait(timeout=60) in (0, 141)


def test_a_pipe_that_closes_early(start):
    process = start("say", "--voice", "tiny", "--raw")
    process.stdin.write(SENTENCE.encode() * 400)
    process.stdin.close()
    os.read(process.stdout.fileno(), 100)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""


def test_unknown_voice(fails):
    message = fails("नमस्ते", "--voice", "tinny", "-o", "out.wav")
    assert "unknown voice 'tinny', did you mean 'tiny'?" in message


def test_unknown_speaker(fails, folder):
    message = fails("नमस्ते", "--speaker", "ashaa", "-o", "out.wav")
    assert "unknown speaker 'ashaa', did you mean 'asha'?" in message
    assert os.listdir(folder) == []


def test_damaged_voice(fails, tiny_voice_folder, folder, tmp_path):
    voice = tmp_path / "broken"
    shutil.copytree(tiny_voice_folder, voice)
    data = (voice / "decoder.onnx").read_bytes()
    (voice / "decoder.onnx").write_bytes(data[:-10])
    assert "decoder.onnx: the file is damaged" in fails("नमस्ते", "--voice", str(voice), "-o", "out.wav")
    manifest = json.loads((voice / "voice.json").read_text())
    (voice / "voice.json").write_text(json.dumps({**manifest, "format_version": 7}))
    assert "voice format 7 is newer" in fails("नमस्ते", "--voice", str(voice), "-o", "out.wav")
    (voice / "voice.json").write_text("{")
    assert "the file is damaged" in fails("नमस्ते", "--voice", str(voice), "-o", "out.wav")
    assert os.listdir(folder) == []


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/out.wav", "no such file or directory"),
        ("/proc/out.wav", "cannot write /proc/out.wav"),
        ("out.txt", "must end in .wav, .flac, .ogg, .mp3"),
        (".", "must end in"),
    ],
)
def test_unwritable_output(fails, folder, output, message):
    assert message in fails("नमस्ते", "-o", output)
    assert os.listdir(folder) == []


def test_unwritable_timings(fails, folder):
    assert "no such file or directory" in fails("नमस्ते", "-o", "out.wav", "--timings", "missing/t.json")
    assert "timings must end in" in fails("नमस्ते", "-o", "out.wav", "--timings", "t.txt")
    assert os.listdir(folder) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_without_permission(fails, folder):
    folder.chmod(0o500)
    assert "permission denied" in fails("नमस्ते", "-o", "out.wav")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_full_disk(fails, folder, suffix):
    """The limit on the size of files stands in for the disk, and binds root as well."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    (folder / f"out.{suffix}").write_bytes(b"the old file")
    message = fails("-o", f"out.{suffix}", stdin=SENTENCE.encode() * 100, preexec_fn=limit)
    assert message == f"ssmphony: cannot write out.{suffix}: file too large"
    assert (folder / f"out.{suffix}").read_bytes() == b"the old file"
    assert os.listdir(folder) == [f"out.{suffix}"]


def test_full_standard_output(fails):
    with open("/dev/full", "wb") as full:
        assert "no space left on device" in fails("नमस्ते", "--raw", stdout=full)


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "ssmphony: interrupted\n"), (signal.SIGTERM, 143, "")],
)
def test_interrupted_in_the_middle(start, folder, number, code, line):
    process = start("say", "--voice", "tiny", "-o", "out.flac", "--timings", "out.srt")
    process.stdin.write(SENTENCE.encode() * 1000)
    process.stdin.close()
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size > 20_000 for path in folder.iterdir()):  # in the middle of a long job
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(timeout=60)
    assert process.stderr.read().decode() == line
    assert process.returncode == code
    assert os.listdir(folder) == []


@pytest.mark.parametrize("speed", ["0", "0.1", "6.5", "-1", "nan", "inf"])
def test_bad_speed(fails, folder, speed):
    assert "is out of range: choose 0.25 to 6.0" in fails("नमस्ते", "--speed", speed, "-o", "out.wav")
    assert os.listdir(folder) == []


def test_bad_pitch_and_words_for_numbers(fails, start):
    assert "is out of range: choose -12 to 12 semitones" in fails("नमस्ते", "--pitch", "40", "-o", "out.wav")
    process = start("say", "नमस्ते", "--speed", "fast", "-o", "out.wav")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--speed" in errors.decode()
    assert "Traceback" not in errors.decode()


def test_text_twice_and_missing_files(fails, tmp_path):
    assert "not both" in fails("नमस्ते", "--file", "x.txt", "-o", "out.wav")
    assert "cannot read x.txt: no such file or directory" in fails("--file", "x.txt", "-o", "out.wav")
    assert "cannot read" in fails("--file", str(tmp_path), "-o", "out.wav")


def test_a_long_text_is_spoken_to_its_end(start, folder):
    """Two hundred sentences: as long as the sum of their lengths, no sentence dropped."""
    lengths = []
    for count in (1, 200):
        process = start("say", "--voice", "tiny", "-o", "out.wav")
        process.communicate(SENTENCE.encode() * count, timeout=120)
        assert process.returncode == 0
        lengths.append(len(np.asarray(soundfile.read(folder / "out.wav")[0])))
    assert lengths[1] == 200 * lengths[0]
