"""Nothing that a client does hurts another, and what went wrong is said in one line."""

from __future__ import annotations

import json
import random
import shutil
import socket
import threading
import time

import pytest

import ssmphony
from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Stream
from ssmphony.server.socket import PATH
from tests.unit.server.running import SPEECH, serving
from tests.waiting import wait_for

TEXT = "नमस्ते दुनिया। चलो।"
LONG = "यह एक लंबा वाक्य है, जो देर तक चलता है। " * 200


def post(body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return (
        f"POST {SPEECH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode() + body


def long_request() -> bytes:
    return post(json.dumps({"input": LONG, "response_format": "pcm", "speed": 0.25}).encode())


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


@pytest.fixture(scope="module")
def expected(voice) -> bytes:
    return pcm16(voice.say(TEXT).samples)


# -- requests that are wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("", "invalid_body", None),
        ("{", "invalid_json", None),
        ("[]", "invalid_body", None),
        ("null", "invalid_body", None),
        ("{}", "missing_required_parameter", "input"),
        ('{"input": ""}', "invalid_value", "input"),
        ('{"input": 3}', "invalid_value", "input"),
        ('{"input": "x", "speed": 7}', "invalid_value", "speed"),
        ('{"input": "x", "speed": NaN}', "invalid_value", "speed"),
        ('{"input": "x", "speed": "fast"}', "invalid_value", "speed"),
        ('{"input": "x", "pitch": 1e99}', "invalid_value", "pitch"),
        ('{"input": "x", "response_format": "midi"}', "invalid_value", "response_format"),
        ('{"input": "x", "stream_format": "smoke"}', "invalid_value", "stream_format"),
        ('{"input": "x", "sample_rate": 11000}', "invalid_value", "sample_rate"),
        ('{"input": "x", "sample_rate": "8000"}', "invalid_value", "sample_rate"),
        ('{"input": "x", "sample_rate": 44100, "response_format": "opus"}', "invalid_value", "sample_rate"),
        ('{"input": "x", "sample_rate": 16000, "response_format": "g711_ulaw"}', "invalid_value", "sample_rate"),
        ('{"input": "x", "format": "wav"}', "unknown_parameter", "format"),
        ('{"input": "x", "output_format": "wav"}', "unknown_parameter", "output_format"),
        ('{"input": "x", "sampling_rate": 8000}', "unknown_parameter", "sampling_rate"),
        ('{"input": "x", "stream": true, "response_format": "flac"}', "invalid_value", "stream"),
        ('{"input": "x", "stream": false, "stream_format": "sse"}', "invalid_value", "stream"),
        ('{"input": "x", "stream": "no"}', "invalid_value", "stream"),
        ('{"input": null}', "missing_required_parameter", "input"),
        ('{"input": "x", "voice": "' + "/" * 5000 + '"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "tiny/nobody"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "nobody/asha"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": 3}', "invalid_value", "voice"),
        ('{"input": "x", "voice": "nobody"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "\\ud800"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "../../etc/passwd"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "/etc"}', "voice_not_found", "voice"),
        ('{"input": "x", "voice": "./tiny"}', "voice_not_found", "voice"),
        ('{"input": "x", "speaker": "nobody"}', "invalid_value", None),
        ('{"input": "<speak><nonsense></speak>"}', "invalid_value", None),
        (json.dumps({"input": "क" * 50_001}), "string_above_max_length", "input"),
        ("[" * 100_000, "invalid_body", None),
        (b"\xff\xfe{", "invalid_body", None),
    ],
)
def test_a_wrong_request_gets_the_reason(server, body, code, param):
    answer = server.ask("POST", SPEECH, body)
    assert answer.status == 400
    assert (answer.error["code"], answer.error["param"]) == (code, param)
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/index.html%00", 404),
        ("POST", "/v1/nothing", 404),
        ("GET", SPEECH, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/", 405),
        ("GET", PATH, 404),
    ],
)
def test_a_wrong_path_or_method(server, method, path, status):
    answer = server.ask(method, path)
    assert answer.status == status
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_is_not_read(server, declared):
    body = b'{"input": "' + b"x" * 10_000_000 + b'"}'
    chunks = body if declared else (body[i : i + 65536] for i in range(0, len(body), 65536))
    answer = server.ask("POST", SPEECH, chunks)
    assert answer.status == 413
    assert answer.error["code"] == "body_too_large"


def test_the_body_has_room_for_every_text_that_is_allowed(server):
    """Even where JSON escapes each of its characters twice."""
    answer = server.speak("🙂" * 50_001)
    assert answer.error["code"] == "string_above_max_length"


def test_rubbish_instead_of_http(server):
    for rubbish in (
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000,
    ):
        with socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(rubbish)
            head, _, body = read_all(connection).partition(b"\r\n\r\n")
        assert b" 400 " in head
        assert json.loads(body)["error"]["code"] == "invalid_request"


def test_the_key(voice, expected):
    with serving(voice, api_key="secret") as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}):
            answer = server.speak(TEXT, headers=headers)
            assert answer.status == 401
            assert answer.error["code"] == "invalid_api_key"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert server.ask("GET", "/metrics", headers=headers).status == 401
        assert server.speak(TEXT, headers={"Authorization": "Bearer secret"}).body == expected
        assert server.ask("GET", "/health").status == server.ask("GET", "/").status == 200


def test_other_sites(voice):
    with serving(voice) as server:
        answer = server.ask(
            "OPTIONS", SPEECH, headers={"Origin": "https://x.y", "Access-Control-Request-Method": "POST"}
        )
        assert answer.status == 405
        assert "access-control-allow-origin" not in server.speak(TEXT, headers={"Origin": "https://x.y"}).headers
    with serving(voice, cors_origins=["https://x.y"], api_key="k") as server:
        headers = {"Origin": "https://x.y", "Access-Control-Request-Method": "POST"}
        assert server.ask("OPTIONS", SPEECH, headers=headers).status == 200
        assert server.ask("OPTIONS", SPEECH, headers={**headers, "Origin": "https://z.y"}).status == 400
        refused = server.speak(TEXT, headers={"Origin": "https://x.y"})
        assert refused.status == 401
        assert refused.headers["access-control-allow-origin"] == "https://x.y"
        other = server.speak(TEXT, headers={"Origin": "https://z.y", "Authorization": "Bearer k"})
        assert "access-control-allow-origin" not in other.headers


# -- clients that are wrong -------------------------------------------------------------------------------------------


def test_a_client_that_leaves(voice, expected):
    with serving(voice, max_characters=50_000, engine={"running": 1, "queue": 2}) as server:
        with socket.create_connection(server.address, timeout=10) as speaking:
            speaking.sendall(long_request())
            assert b"200 OK" in speaking.recv(4096)
            with socket.create_connection(server.address, timeout=10) as waiting:
                waiting.sendall(post(json.dumps({"input": TEXT}).encode()))
                wait_for(lambda: server.engine.stats().queued == 1)
            wait_for(lambda: server.engine.stats().queued == 0)  # who leaves the queue frees its place
        wait_for(lambda: server.engine.stats().running == 0)
        assert server.engine.stats().cancelled == 2
        assert server.speak(TEXT).body == expected
        wait_for(lambda: server.metric(f'ssmphony_requests_total{{route="{SPEECH}",status="499"}}') == 2)


def test_a_reader_that_stalls(voice, expected):
    with serving(voice, max_characters=50_000, stall_s=1.5, engine={"buffer_s": 2.0}) as server:
        with socket.create_connection(server.address, timeout=10) as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.sendall(long_request())
            wait_for(lambda: server.engine.stats().unread_s > 2.0)
            answers = [server.speak(TEXT).body for _ in range(3)]
            assert answers == [expected] * 3
            stats = server.engine.stats()
            assert stats.running == 1
            assert stats.unread_s < 4.0  # held back, not piled up
            wait_for(lambda: server.engine.stats().running == 0)  # and cut off in the end
        assert server.engine.stats().cancelled == 1


def test_slow_headers_and_slow_bodies(voice, expected):
    with serving(voice, receive_s=0.4) as server:
        slow = [socket.create_connection(server.address, timeout=10) for _ in range(20)]
        began = time.monotonic()
        for connection in slow[:10]:
            connection.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        for connection in slow[10:]:
            connection.sendall(post(b'{"input"', length=200))
        assert server.speak(TEXT).body == expected
        for connection in slow:
            head, _, body = read_all(connection).partition(b"\r\n\r\n")
            assert b" 408 " in head
            assert json.loads(body)["error"]["code"] == "request_timeout"
            connection.close()
        assert time.monotonic() - began < 5
        with socket.create_connection(server.address, timeout=10) as silent:
            assert read_all(silent) == b""
        with socket.create_connection(server.address, timeout=10) as second:  # slow only in its second request
            second.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in second.recv(4096)
            second.sendall(b"GET /heal")
            assert b" 408 " in read_all(second)


def test_too_many_connections(voice):
    with serving(voice, connections=5) as server:
        held = [socket.create_connection(server.address, timeout=10) for _ in range(5)]
        wait_for(lambda: len(server.server.server_state.connections) == 5)
        with socket.create_connection(server.address, timeout=10) as one_more:
            head, _, body = read_all(one_more).partition(b"\r\n\r\n")
        assert b" 503 " in head
        assert json.loads(body)["error"]["code"] == "too_many_connections"
        for connection in held:
            connection.close()
        wait_for(lambda: not server.server.server_state.connections)
        assert server.ask("GET", "/health").status == 200


def test_a_full_queue_and_a_time_limit(voice, expected):
    with serving(voice, timeout_s=0.5, engine={"running": 1, "queue": 1}) as server:
        with server.engine.open() as held:
            late = threading.Thread(target=lambda: answers.append(server.speak(TEXT)))
            answers: list = []
            late.start()
            wait_for(lambda: server.engine.stats().queued == 1)
            refused = server.speak(TEXT)
            assert refused.status == 429
            assert refused.error["code"] == "server_busy"
            assert refused.headers["retry-after"]
            late.join()
            assert answers[0].status == 504
            assert answers[0].error["code"] == "timeout"
            assert not held.done
        assert server.speak(TEXT).body == expected


# -- faults of ours ---------------------------------------------------------------------------------------------------


def test_an_error_of_the_program_stays_inside(voice, monkeypatch, expected):
    with serving(voice) as server:
        with monkeypatch.context() as patch:
            patch.setattr(server.engine, "stream", lambda *_, **__: 1 / 0)
            answer = server.speak(TEXT)
            assert answer.status == 500
            assert answer.error["code"] == "internal_error"
            assert b"ZeroDivision" not in answer.body
        assert server.speak(TEXT).body == expected


def test_a_voice_that_fails_before_and_amid_its_sound(voice, monkeypatch, expected):
    real = type(voice).decode

    def failing(after):
        calls = iter(range(1000))
        return lambda self, batch, frames: real(self, batch, frames) if next(calls) < after else 1 / 0

    with serving(voice, max_characters=50_000) as server:
        monkeypatch.setattr(type(voice), "decode", failing(0))
        answer = server.speak(TEXT)
        assert answer.status == 500
        assert answer.error["code"] == "voice_failed"
        monkeypatch.setattr(type(voice), "decode", failing(5))
        with socket.create_connection(server.address, timeout=10) as connection:
            connection.sendall(long_request())
            data = read_all(connection)
        assert b"200 OK" in data
        assert not data.endswith(b"0\r\n\r\n")  # a client can tell that this is not the end
        monkeypatch.setattr(type(voice), "decode", failing(5))
        *_, last, _ = server.speak(LONG[:2000], stream_format="sse").body.decode().split("\n\n")
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "voice_failed"
        monkeypatch.undo()
        assert server.speak(TEXT).body == expected


def test_a_voice_replaced_while_serving(tiny_voice_folder, tmp_path, expected):
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_voice_folder, folder)
    with serving(ssmphony.load(folder, threads=1)) as server:
        assert server.speak(TEXT).body == expected
        for file in folder.iterdir():
            file.write_bytes(b"rubbish")
        assert server.speak(TEXT).body == expected
        shutil.rmtree(folder)
        assert server.speak(TEXT).body == expected


# -- all at once ------------------------------------------------------------------------------------------------------

MALFORMED = [
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    post(b'{"input":'),
    post(b'{"input": "x", "voice": "../../etc"}'),
    post(b'{"input": "***"}'),
    post(b"{}", length=50),
    b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /v1/audio/speech/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"DELETE /v1/audio/voices HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/models/" + b"x" * 20_000,
]


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_half_of_the_requests_are_malformed(voice, count):
    text = "हाँ।"
    expected = pcm16(voice.say(text).samples)
    dice = random.Random(count)
    statuses: dict[bytes, int] = {}
    undisturbed: list[bool] = []

    def well(server, number):
        undisturbed.extend(server.speak(text).body == expected for _ in range(number))

    with serving(voice, connections=100) as server:
        beside = threading.Thread(target=well, args=(server, count // 2))
        beside.start()
        for _ in range(count // 2):
            with socket.create_connection(server.address, timeout=20) as connection:
                connection.sendall(dice.choice(MALFORMED))
                connection.shutdown(socket.SHUT_WR)
                status = connection.recv(4096)[9:12]
                statuses[status] = statuses.get(status, 0) + 1
        beside.join()
        wait_for(lambda: len(server.server.server_state.connections) == 0)
    assert len(undisturbed) == count // 2
    assert all(undisturbed)
    assert not any(status.startswith(b"5") for status in statuses), statuses
    assert sum(statuses.values()) == count // 2


def test_streams_side_by_side_are_those_alone(voice):
    texts = [f"यह वाक्य संख्या {i} है। चलो!" for i in range(12)]
    heard: dict[str, bytes] = {}
    with serving(voice, engine={"workers": 2}) as server:
        threads = [
            threading.Thread(target=lambda text=text: heard.update({text: server.speak(text).body})) for text in texts
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert heard == {text: pcm16(voice.say(text).samples) for text in texts}


def test_nothing_is_left_behind(voice, expected, monkeypatch):
    """Each stream that is opened is also given up: not left for the collector to find."""
    opened: list[Stream] = []
    with serving(voice) as server:
        real = server.engine.stream
        monkeypatch.setattr(
            server.engine, "stream", lambda *args, **kwargs: opened.append(real(*args, **kwargs)) or opened[-1]
        )
        for _ in range(20):
            server.speak("***")
            with socket.create_connection(server.address, timeout=10) as connection:
                connection.sendall(long_request())
            assert server.speak(TEXT).body == expected
        wait_for(lambda: all(stream.done for stream in opened))
        assert server.engine.stats().unread_s == 0
    assert len(opened) >= 40
