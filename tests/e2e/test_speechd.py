"""The module in the real Speech Dispatcher, whose sound ALSA writes to a file.

It needs speech-dispatcher and speech-dispatcher-audio-plugins of Debian; the test of pauses also pulseaudio, since
Speech Dispatcher 0.11.4 does not resume on a device that takes sound faster than it is spoken.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

SERVER, CLIENT = shutil.which("speech-dispatcher"), shutil.which("spd-say")
PULSE = shutil.which("pulseaudio")
ALSA = [*Path("/usr/lib").glob("*/speech-dispatcher/spd_alsa.so")]
pytestmark = [
    pytest.mark.skipif(not (SERVER and CLIENT and ALSA), reason="Debian's speech-dispatcher with ALSA is not installed")
]
RATE = 24000


class Running:
    """A Speech Dispatcher with one module, in folders of its own."""

    def __init__(self, home: Path, voices: Path, method: str = "alsa") -> None:
        self.home = home
        self.heard = home / "heard.raw"
        self.address = home / "run/speechd.sock"
        for name in ("run", "log", ".local/share", "etc"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / ".asoundrc").write_text(
            f'pcm.!default {{ type file file "{self.heard}" format raw slave.pcm {{ type null }} }}\n'
        )
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "SPEECHD_"))},
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home / "run"),
            "SPEECHD_ADDRESS": f"unix_socket:{self.address}",
            "SSMPHONY_VOICES": str(voices),
            "OMP_NUM_THREADS": "1",
        }
        self.run(sys.executable, "-m", "ssmphony.cli", "speechd", "install", "--voice", "tiny")
        configuration = home / ".config/speech-dispatcher"
        (configuration / "speechd.conf").write_text(
            f'LogLevel 3\nAudioOutputMethod "{method}"\nSymbolsPreproc "no"\nDefaultModule ssmphony\nTimeout 0\n'
            "DisableAutoSpawn\n"  # else the first spd-say may start a second server, which takes the socket away
            'AddModule "ssmphony" "sd_ssmphony" "ssmphony.conf"\n'
        )
        assert SERVER is not None
        options = ["-s", "-S", str(self.address), "-P", str(home / "pid"), "-L", str(home / "log")]
        self.process = subprocess.Popen(
            [SERVER, *options, "-C", str(configuration)],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not self.address.exists() or "ssmphony" not in self.run("spd-say", "-O", check=False):
            assert self.process.poll() is None, "the dispatcher is gone"
            assert time.monotonic() < deadline, (home / "log/speech-dispatcher.log").read_text()
            time.sleep(0.2)

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def say(self, *options: str) -> np.ndarray:
        """What is heard of a message, 16-bit samples of one channel or two."""
        before = self.heard.stat().st_size if self.heard.exists() else 0
        self.run("spd-say", "-w", "-l", "hi", *options)
        return np.frombuffer(self.heard.read_bytes()[before:], "<i2")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def running(tiny_voice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("home"), tiny_voice_folder.parent)
    yield server
    server.close()


class Client:
    """A client of Speech Dispatcher's own protocol, that sees all events."""

    def __init__(self, running: Running) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(running.address))
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\r\n")
        for setting in ("CLIENT_NAME test:test:main", "NOTIFICATION all on", "LANGUAGE hi", "SSML_MODE on"):
            self.ask(f"SET SELF {setting}")

    def ask(self, command: str) -> str:
        self.socket.sendall(f"{command}\r\n".encode())
        return self.until("2", "3", "4")

    def until(self, *codes: str) -> str:
        """The last line of the next reply or event that begins with one of these codes."""
        while True:
            line = self.lines.readline().strip()
            assert line, "the dispatcher is gone"
            if line[3] == " " and line.startswith(codes):
                return line

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def speak(self, text: str) -> None:
        assert self.ask("SPEAK").startswith("230")
        assert self.ask(f"{text}\r\n.").startswith("225")


def test_it_is_listed_and_speaks(running: Running) -> None:
    assert "tiny/ravi" in running.run("spd-say", "-o", "ssmphony", "-L")
    heard = running.say("नमस्ते दुनिया")
    assert len(heard) > RATE // 4
    assert abs(heard).max() > 100


def test_rate_volume_and_voice(running: Running) -> None:
    plain, fast = running.say("नमस्ते दुनिया"), running.say("-r", "100", "नमस्ते दुनिया")
    assert len(fast) < len(plain) / 2
    quiet = running.say("-i", "-50", "नमस्ते दुनिया")
    assert abs(quiet).max() < 0.6 * abs(plain).max()
    other = running.say("-y", "tiny/ravi", "नमस्ते दुनिया")
    assert len(other) != len(plain) or (other != plain).any()


def test_punctuation_characters_and_keys(running: Running) -> None:
    none, every = running.say("एक, दो।"), running.say("-m", "all", "एक, दो।")
    assert len(every) > 1.5 * len(none)
    with Client(running) as client:
        for command in ("CHAR क", "CHAR space", "KEY control_alt_delete"):
            assert client.ask(command).startswith("225")
            assert client.until("702", "703") == "702 END"


def test_marks_are_reported(running: Running) -> None:
    said = running.run("spd-say", "-w", "-l", "hi", "-x", '<speak>एक <mark name="two"/> दो &amp; तीन</speak>')
    assert "two" in said


def test_a_message_is_stopped_and_the_next_one_is_spoken(running: Running) -> None:
    with Client(running) as client:
        client.speak("<speak>" + "नमस्ते दुनिया, आज मौसम अच्छा है। " * 300 + "</speak>")
        assert client.until("701") == "701 BEGIN"
        begun = time.monotonic()
        client.socket.sendall(b"STOP SELF\r\n")
        assert client.until("703", "702") == "703 CANCELED"
        assert time.monotonic() - begun < 5
        client.speak("<speak>एक</speak>")
        assert client.until("702", "703") == "702 END"


def test_bad_markup_and_an_unknown_voice_are_spoken(running: Running) -> None:
    assert len(running.say("-x", "<speak>एक <b>दो</speak>"))
    assert len(running.say("-y", "nobody", "एक"))


@pytest.fixture
def real_time(tiny_voice_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A dispatcher that plays into a sink of PulseAudio, which takes as long as the sound lasts."""
    if PULSE is None:
        pytest.skip("pulseaudio is not installed")
    home = tmp_path_factory.mktemp("pulse")
    (home / "run").mkdir(mode=0o700)
    sink = subprocess.Popen(
        [PULSE, "-n", "--exit-idle-time=-1", "--load=module-null-sink", "--load=module-native-protocol-unix"],
        env={**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (home / "run/pulse/native").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server = Running(home, tiny_voice_folder.parent, "pulse")
    yield server
    server.close()
    sink.terminate()
    sink.wait(30)


def test_a_message_is_paused_and_resumed(real_time: Running) -> None:
    with Client(real_time) as client:
        client.speak("<speak>" + "नमस्ते दुनिया. " * 60 + "</speak>")
        assert client.until("701") == "701 BEGIN"
        client.socket.sendall(b"PAUSE SELF\r\n")
        assert client.until("704", "702") == "704 PAUSED"
        client.socket.sendall(b"RESUME SELF\r\n")
        assert client.until("705", "702") == "705 RESUMED"
        client.socket.sendall(b"STOP SELF\r\n")
        assert client.until("703", "702") == "703 CANCELED"
