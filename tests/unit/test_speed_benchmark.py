"""`benchmarks.speed`: turns, processes of systems and of peers in their own environments, and what the tables say."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.speed import __main__ as program
from benchmarks.speed import environments, measure, process, tables, worker
from benchmarks.speed.process import Process, Program
from benchmarks.speed.systems import SystemMissing
from benchmarks.voices import voices_of
from ssmphony.evaluation.speed import peak_memory_mb

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """A system that speaks 60 ms a word."""

    sample_rate = 1000
    label = "clock"
    language = "hi"
    slow = False

    def speak(self, text: str, on_samples: Any) -> None:
        for _ in range(len(text.split())):
            on_samples(60)


class Speaker:
    """A system in its process, as `measure` sees it."""

    label = "speaker"

    def __init__(self, language: str = "hi", slow: bool = False) -> None:
        self.language, self.slow = language, slow
        self.spoken: list[str] = []

    def speak(self, text: str, *, only_first: bool = False) -> dict[str, float]:
        self.spoken.append(text)
        return {"first_s": float(len(self.spoken))}


def test_a_reading_is_timed() -> None:
    row = worker.speak_once(Clock(), "one two three")
    assert row["audio_s"] == pytest.approx(0.18)
    assert 0 < row["first_s"] < row["wall"] * row["audio_s"] + 1e-6
    assert set(worker.speak_once(Clock(), "one two three", only_first=True)) == {"first_s"}
    assert math.isnan(worker.speak_once(Clock(), "one")["first_s"])  # never 100 ms
    with pytest.raises(RuntimeError, match="clock spoke nothing"):
        worker.speak_once(Clock(), "")


def test_systems_take_turns() -> None:
    fast, slow, english = Speaker(), Speaker(slow=True), Speaker("en")
    rows = measure.take_turns({"fast": fast, "slow": slow, "english": english}, 2)
    assert rows["fast"]["10"]["runs"] == 2
    assert rows["slow"]["400"]["runs"] == 1
    assert len(fast.spoken) == (1 + 2) + (1 + 2) + (1 + 1)
    assert len(slow.spoken) == (1 + 2) + 1 + 1  # it is warm after the first text
    assert english.spoken[0].startswith("In the morning")
    assert rows["fast"]["10"]["first_s"] == 2.5  # the median of the second and the third reading


def test_first_sound_takes_every_length_in_turn() -> None:
    speaker = Speaker()
    assert measure.first_sound(speaker, 3, [10, 40]) == {"10": 3.0, "40": 4.0}


def test_peak_memory_sees_an_array() -> None:
    before = peak_memory_mb()
    array = np.ones(8_000_000)
    assert peak_memory_mb() - before >= 0
    assert peak_memory_mb() > array.nbytes / 2**20


def test_first_byte_of_a_process() -> None:
    seconds = measure.until_output(["sh", "-c", "sleep 0.2; echo first; sleep 5"])
    assert 0.2 <= seconds < 4
    with pytest.raises(RuntimeError, match="wrote nothing"):
        measure.until_output(["true"])


def test_the_worker_answers_every_request_and_outlives_an_error() -> None:
    requests = [{"text": text, "only_first": False} for text in ("one two", "", "three")]
    answers = io.StringIO()
    worker.serve(Clock(), io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), answers)
    about, first, error, last = map(json.loads, answers.getvalue().splitlines())
    assert about == {"label": "clock", "language": "hi", "slow": False, "sample_rate": 1000}
    assert first["audio_s"] == 0.12
    assert error == {"error": "RuntimeError: clock spoke nothing"}
    assert last["audio_s"] == 0.06


def test_the_worker_runs_in_an_environment_with_nothing_but_python() -> None:
    code = "import sys; sys.path.insert(0, '.'); import benchmarks.speed.worker, benchmarks.speed.peers"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=True)


def interpreter(folder: Path, script: str) -> str:
    """A program that takes the place of a peer's Python."""
    python = folder / "bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)
    return str(python)


ABOUT = """echo '{"label": "a peer", "language": "en", "slow": true}'"""


def test_a_peer_speaks_in_its_own_interpreter(tmp_path: Path) -> None:
    script = f"""
{ABOUT}
read request
echo "{{\\"first_s\\": 0.5, \\"threads\\": $OMP_NUM_THREADS, \\"path\\": \\"$PYTHONPATH\\"}}"
read request
echo '{{"error": "ValueError: too long"}}'
read request
echo "one" >&2; echo "no such voice" >&2
"""
    with Process(Program("piper", interpreter(tmp_path, script)), threads=3) as peer:
        assert (peer.label, peer.language, peer.slow) == ("a peer", "en", True)
        assert peer.speak("text") == {"first_s": 0.5, "threads": 3, "path": ""}
        if sys.platform == "linux":
            assert 0 < peer.peak_memory_mb() < 100
        with pytest.raises(RuntimeError, match="piper failed: ValueError: too long"):
            peer.speak("text")
        with pytest.raises(RuntimeError, match="the process of piper ended: no such voice"):
            peer.speak("text")


def test_a_peer_that_is_not_installed_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    here = Program("hibari", sys.executable)
    with pytest.raises(SystemMissing, match="No module named 'hibari'"):
        Process(here, 1)
    with measure.loaded({"hibari": here}, 1) as processes:
        assert not processes
    assert "hibari is left out: No module named 'hibari'" in capsys.readouterr().err


def test_memory_and_start_are_of_fresh_processes(tmp_path: Path) -> None:
    answer = """read request\necho '{"first_s": 0.5}'\nread request"""
    peer = Program("kokoro", interpreter(tmp_path, f"{ABOUT}\necho started >> {tmp_path}/log\n{answer}"))
    assert measure.start_up(peer, 1, 2)["program_s"] < 30
    measure.memory(peer, 1, 10)
    assert len((tmp_path / "log").read_text().splitlines()) == 4  # one warms the disk cache


def test_systems_are_found_by_name(tmp_path: Path) -> None:
    for name in ("hibari", "piper"):
        interpreter(tmp_path / name, "")
    (tmp_path / "hibari" / environments.COMPLETE).touch()
    found = process.programs_of(["default", "/a/small", "/b/small"], {"kokoro": "/k/bin/python"}, tmp_path)
    assert list(found) == [
        "ssmphony",
        "ssmphony small",
        "ssmphony /b/small",
        "espeak-ng",
        "vits",
        "hibari",
        "kokoro",
    ]  # the environment of piper is not complete
    assert found["hibari"].python == str(tmp_path / "hibari/bin/python")
    assert found["kokoro"].python == "/k/bin/python"
    assert found["ssmphony small"].command[-2:] == ["--voice", "/a/small"]
    assert process.programs_of([], {}, tmp_path / "nothing")["ssmphony"].voice is None


def test_a_folder_of_voices_is_all_of_them(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "voice.json").touch()
    (tmp_path / "notes").mkdir()
    assert voices_of(str(tmp_path)) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert voices_of(str(tmp_path / "a")) == [str(tmp_path / "a")]
    assert voices_of("default") == ["default"]


def test_install_size_counts_packages_and_weights(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "code.py").write_bytes(b"x" * 2_000_000)
    weights = tmp_path / "outside.onnx"
    weights.write_bytes(b"x" * 3_000_000)
    peer = Program("kokoro", interpreter(tmp_path, f"echo {packages}"))
    assert peer.installed_mb() == 2.0
    (tmp_path / environments.MODEL_FOLDER).mkdir()
    (tmp_path / environments.MODEL_FOLDER / "kokoro-int8.onnx").symlink_to(weights)
    assert peer.installed_mb() == 5.0
    assert Program("vits").installed_mb() is None


@pytest.mark.parametrize("voice", [None, "default"])
def test_our_install_size_is_the_one_measured_apart(voice: str | None) -> None:
    stored = json.loads((measure.RESULTS / "install.json").read_text(encoding="utf-8"))
    assert measure._installed_mb("ssmphony", Program("ssmphony", voice=voice)) == stored["files"]
    assert measure._installed_mb("ssmphony small", Program("ssmphony", voice="small")) is None


def system(label: str, language: str, seconds: float, threads: tuple[str, ...] = ("1", "2")) -> dict[str, Any]:
    row = {"wall": seconds, "processor": 2 * seconds, "first_s": seconds, "audio_s": 15.0}
    return {
        "label": label,
        "language": language,
        "speed": {number: dict.fromkeys(("10", "40", "400"), row) for number in threads},
        "memory_mb": {"10": 100.0, "400": 101.0, "10000": 102.0},
        "start": {"program_s": 0.5},
        "installed_mb": 149.6 if label == "ours" else None,
    }


SPEED: dict[str, Any] = {
    "machine": {"date": "2026-01-01", "cpu": "CPU", "cores": 2, "threads": 2, "python": "3.11", "load_before": 0.1},
    "first_sound_s": {"10": 0.011, "400": 0.012, "10000": 0.0125},
    "systems": {
        "ssmphony": system("ours", "hi", 0.01),
        "vits": system("VITS", "hi", 0.5, ("2",)),
        "piper": system("Piper", "en", 0.05),
    },
}


def test_promises_are_the_results() -> None:
    lines = tables.promises(SPEED).splitlines()
    assert "0.010 s, or 0.020 processor-seconds, for each second of audio on two CPU threads" in lines[0]
    assert "100 times faster" in lines[0]
    assert "11 ms to 12 ms" in lines[1]
    assert "100 MB of memory at the peak for 10 words, 102 MB for 10,000" in lines[2]


def test_tables_show_both_numbers_of_threads() -> None:
    header, _, ours, vits, piper = tables.speed_table(SPEED).splitlines()
    assert "one thread: s, processor-s per s of audio | two threads: s," in header
    assert ours.startswith("| ours | Hindi | 0.0100, 0.0200 | 0.0100, 0.0200 |")
    assert ours.endswith("| 150 MB |")
    assert vits.startswith("| VITS | Hindi | – | 0.5000, 1.0000 | – | 500 ms | 100 / 101 MB |")
    assert piper.startswith("| Piper | English |")
    assert len(tables.lengths_table(SPEED).splitlines()) == 5


def test_notes_compare_with_ours_and_say_how() -> None:
    notes = tables.speed_notes(SPEED)
    assert "VITS takes 50 times our processor time" in notes
    assert "on two threads (40-word text)" in notes
    assert "our time to the first 100 ms on two threads; 5.0 times our processor time" in notes
    assert "the text of 40 words lasts: ours 15.0 s, VITS 15.0 s, Piper 15.0 s" in notes
    assert "busy" not in notes
    busy = {**SPEED, "machine": {**SPEED["machine"], "load_before": 2.5}}
    assert "**The machine was busy**" in tables.speed_notes(busy)
    alone = {**SPEED, "systems": {"piper": SPEED["systems"]["piper"]}}
    assert "our" not in tables.speed_notes(alone).split("\n\n")[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--peer", "festival=/bin/sh"], "not NAME=PYTHON"),
        (["--peer", "piper=/nowhere/python"], "no interpreter /nowhere/python"),
        (["--only", "festival"], "no system 'festival' here; there are ssmphony"),
        (["--words", "15"], "multiples of 10"),
        (["--threads", "0"], "at least 1"),
        (["--write", "--quick"], "--write stores whole results"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["speed", *arguments])
    with pytest.raises(SystemExit):
        program.main()
    assert message in capsys.readouterr().err


@pytest.mark.integration
def test_voices_are_measured_on_one_and_two_threads(
    tiny_voice_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    voice, output = ["--voice", str(tiny_voice_folder)], tmp_path / "speed.json"
    short = ["--only", "ssmphony", "--words", "10", "--rounds", "1", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["speed", *voice, *short])
    program.main()
    result = json.loads(output.read_text(encoding="utf-8"))
    assert set(result["systems"]["ssmphony"]["speed"]) == {"1", "2"}
    assert result["systems"]["ssmphony"]["memory_mb"]["10"] > 10
    assert "| ssmphony | Hindi |" in capsys.readouterr().out
