"""`ssmphony serve` as a process: what it says, how it ends, and what becomes of its workers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

import ssmphony
from ssmphony.audio.pcm import pcm16
from tests.unit.server.test_socket import Client
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

TEXT = "नमस्ते दुनिया।"


class Process:
    def __init__(self, home: Path, log: Path, *arguments: str) -> None:
        environment = {
            **os.environ,
            "SSMPHONY_VOICES": str(home),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        command = [sys.executable, "-m", "ssmphony.cli", "serve", "--voice", "tiny", "--port", "0", *arguments]
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stderr=file, stdout=file, env=environment)

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    @property
    def said(self) -> str:
        return self._log.read_text()

    def listening(self) -> list[dict]:
        return [line for line in self.lines if "url" in line]

    def begin(self, workers: int = 1) -> None:
        wait_for(lambda: len(self.listening()) >= workers or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said
        self.url = self.listening()[0]["url"]

    def speak(self, text: str = TEXT, **fields) -> bytes:
        body = json.dumps({"input": text, "response_format": "pcm", **fields}).encode()
        request = urllib.request.Request(f"{self.url}/v1/audio/speech", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read()

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=20) as response:
            return response.read().decode()


@contextmanager
def started(home: Path, log: Path, *arguments: str) -> Iterator[Process]:
    served = Process(home, log, *arguments)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.process.terminate()
        try:
            served.process.wait(20)
        except subprocess.TimeoutExpired:
            served.process.kill()
            raise


@pytest.fixture(scope="module")
def home(tiny_voice_folder: Path) -> Path:
    return tiny_voice_folder.parent


@pytest.fixture(scope="module")
def expected(tiny_voice_folder: Path) -> bytes:
    return pcm16(ssmphony.load(tiny_voice_folder, threads=1).say(TEXT).samples)


def test_from_start_to_stop(home, tmp_path, expected):
    with started(home, tmp_path / "log", "--host", "0.0.0.0", "--max-characters", "100000") as served:
        served.begin()
        assert "--api-key" in served.said  # bound wider, and open to all
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert served.speak() == expected
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            body = json.dumps({"input": TEXT * 40, "response_format": "pcm"}).encode()
            connection.sendall(
                b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            data = connection.recv(4096)
            served.process.send_signal(signal.SIGTERM)
            while piece := connection.recv(65536):
                data += piece
        assert data.endswith(b"0\r\n\r\n")  # what had begun was finished
        assert served.process.wait(20) == 0
    requests = [line for line in served.lines if line["message"] == "request"]
    assert [line["status"] for line in requests] == [200, 200]
    assert all(line["level"] in ("info", "warning") for line in served.lines), served.said


def test_a_port_that_is_taken_and_a_voice_that_is_missing(home, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mistakes = {
            ("--port", str(port)): f"127.0.0.1:{port}: address already in use",
            ("--voice", "nobody"): "unknown voice 'nobody'",
            ("--lexicon", "missing.tsv"): "cannot read the lexicon missing.tsv: no such file or directory",
            ("--voice", str(home / "tiny")): "two voices are named 'tiny'",
        }
        running = []
        for i, arguments in enumerate(mistakes):
            running.append(Process(home, tmp_path / str(i), *arguments))
        for served, told in zip(running, mistakes.values(), strict=True):
            assert served.process.wait(60) == 1
            assert served.said.startswith(f"ssmphony: {told}")
            assert served.said.count("\n") == 1


def test_a_lexicon_of_the_server(home, tmp_path, tiny_voice_folder, expected):
    words = tmp_path / "names.tsv"
    words.write_text("दुनिया\tसंसार\n", encoding="utf-8")
    with started(home, tmp_path / "log", "--lexicon", str(words)) as served:
        served.begin()
        heard = served.speak()
    assert heard == pcm16(ssmphony.load(tiny_voice_folder, threads=1, lexicon=words).say(TEXT).samples)
    assert heard != expected


def test_a_stop_lets_utterances_end(home, tmp_path):
    """One that is complete, and one whose text is still being written, are spoken to their end; idle sockets close."""
    with started(home, tmp_path / "log", "--max-characters", "100000") as served:
        served.begin()
        with Client(served, max_queue=1) as complete, Client(served) as writing, Client(served) as idle:
            complete.send("start", speed=0.25)
            complete.send("text", text=TEXT * 40)
            complete.send("finish")
            writing.send("start")
            writing.send("text", text=TEXT)
            assert complete.next()["type"] == writing.next()["type"] == "started"
            served.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                idle.next()
            assert closed.value.rcvd.code == 1012
            writing.send("text", text=TEXT)
            writing.send("finish")
            for client, texts in ((writing, 2), (complete, 40)):
                _, words, done = client.until_end()
                assert done["type"] == "done"
                assert len(words) == 2 * texts
                with pytest.raises(ConnectionClosed) as closed:
                    client.next()
                assert closed.value.rcvd.code == 1012
        assert served.process.wait(20) == 0
    assert [line["status"] for line in served.lines if line["message"] == "utterance"] == [200, 200]
    assert all(line["level"] in ("info", "warning") for line in served.lines), served.said


def test_the_time_to_drain_ends(home, tmp_path):
    """What has not ended by then is aborted, with a message where possible: a line each, and no traceback."""
    with started(home, tmp_path / "log", "--max-characters", "100000", "--drain-s", "0.5") as served:
        served.begin()
        body = json.dumps({"input": TEXT * 3000, "response_format": "pcm", "speed": 0.25}).encode()
        head = (
            b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        host, port = served.url.removeprefix("http://").split(":")
        with Client(served, max_queue=1) as client:
            client.send("start", speed=0.25)
            client.send("text", text=TEXT * 3000)
            assert client.next()["type"] == "started"
            answers = [socket.create_connection((host, int(port)), timeout=20) for _ in range(3)]
            for connection in answers:
                connection.sendall(head % len(body) + body)
                assert b" 200 OK" in connection.recv(4096)
            late = socket.create_connection((host, int(port)), timeout=20)
            late.sendall(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") % len(body))
            assert b" 100 Continue" in late.recv(4096)  # the request is being read
            late.sendall(body[:100])  # the rest never comes
            served.process.send_signal(signal.SIGTERM)
            told = client.until_end()[2]
            assert (told["type"], told["code"]) == ("error", "shutting_down")
            with pytest.raises(ConnectionClosed) as closed:
                client.next()
            assert closed.value.rcvd.code == 1012
            assert served.process.wait(20) == 0
        for connection in [*answers, late]:
            connection.close()
    assert "Traceback" not in served.said
    cut = [line for line in served.lines if line["message"] in ("request", "utterance") and line["status"] == 503]
    assert [line["route"] for line in cut] == ["/v1/audio/speech/stream"] + ["/v1/audio/speech"] * 4
    assert all(line["problem"] for line in cut)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_workers_share_what_comes_at_once(home, tmp_path):
    with started(home, tmp_path / "log", "--workers", "2") as served:
        served.begin(workers=2)
        pids = [line["pid"] for line in served.listening()]
        before = [_cpu_s(pid) for pid in pids]
        for _ in range(4):
            threads = [threading.Thread(target=served.speak, args=(TEXT * 100,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        spent = [_cpu_s(pid) - then for pid, then in zip(pids, before, strict=True)]
        assert min(spent) > max(spent) / 3, spent


def _spoken(requests):
    return f'ssmphony_requests_total{{route="/v1/audio/speech",status="200"}} {requests}.0'


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(home, tmp_path, expected):
    with started(home, tmp_path / "log", "--workers", "2") as served:
        served.begin(workers=2)
        assert served.speak() == expected
        wait_for(lambda: _spoken(1) in served.metrics(), 20)
        first = served.listening()[0]["pid"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(served.listening()) == 3, 60)
        assert any(line.get("exitcode") == -9 and line["pid"] == first for line in served.lines)
        assert {served.speak() for _ in range(6)} == {expected}
        time.sleep(1.2)  # gauges of the others are written each second
        metrics = served.metrics()
        assert _spoken(7) in metrics
        slots = [line for line in metrics.splitlines() if line.startswith("ssmphony_slots ")]
        alive = {line["pid"] for line in served.listening()} - {first}
        assert len(slots) == 1
        served.process.terminate()
        assert served.process.wait(20) == 0
        for worker in alive:
            with pytest.raises(ProcessLookupError):
                os.kill(worker, 0)


@pytest.mark.slow
def test_workers_end_with_their_parent_and_do_not_begin_in_vain(home, tmp_path):
    with started(home, tmp_path / "log", "--workers", "2") as served:
        served.begin(workers=2)
        served.process.kill()
        served.process.wait()
        workers = [line["pid"] for line in served.listening()]

        def gone() -> bool:
            return not any(Path(f"/proc/{pid}").exists() for pid in workers)

        wait_for(gone, 20)
    broken = tmp_path / "voices"
    broken.mkdir()
    (broken / "tiny").symlink_to(home / "tiny")
    damaged = broken / "damaged"
    damaged.mkdir()
    for file in (home / "tiny").iterdir():
        (damaged / file.name).write_bytes(file.read_bytes() if file.suffix == ".json" else b"rubbish")
    served = Process(broken, tmp_path / "other", "--voice", "damaged", "--workers", "2")
    assert served.process.wait(60) == 1
    assert "the workers could not begin" in served.said
    assert "Traceback" not in served.said
