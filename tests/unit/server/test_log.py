"""One line for each request, with the client's address; no traceback for what clients do; no line for probes."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
import threading

import pytest

from ssmphony.engine import Engine
from ssmphony.server import create_app
from ssmphony.server.log import JsonLines
from tests.unit.server.running import serving
from tests.unit.server.test_faults import TEXT, post, read_all
from tests.unit.server.test_open_sockets import HANDSHAKE
from tests.unit.server.test_socket import PATH, Client
from tests.waiting import wait_for


@pytest.fixture
def lines(caplog):
    """What the log has by now, as `ssmphony serve` writes it."""
    caplog.set_level(logging.WARNING, "uvicorn.error")
    caplog.set_level(logging.INFO, "ssmphony.server")  # last: it is the level of the handler, too

    def read(message: str | None = None) -> list[dict]:
        found = [json.loads(JsonLines().format(record)) for record in list(caplog.records)]
        return [line for line in found if message in (None, line["message"])]

    return read


def frame(data: bytes, *, kind: int = 1, last: bool = True) -> bytes:
    """A short frame as a client sends it, masked with zeros."""
    return bytes([0x80 * last | kind, 0x80 | len(data), 0, 0, 0, 0]) + data


def open_socket(server) -> socket.socket:
    connection = socket.create_connection(server.address, timeout=10)
    connection.sendall(f"{HANDSHAKE}\r\n".encode())
    while b"\r\n\r\n" not in connection.recv(4096):
        continue
    return connection


def abort(connection: socket.socket) -> None:
    """Reset the connection: what the client has not read is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def no_fault(lines) -> bool:
    return not [line for line in lines() if "traceback" in line or line["level"] == "error"]


def test_clients_that_leave_while_an_error_is_sent(server, lines):
    def leave(count: int) -> None:
        for number in range(count):
            connection = open_socket(server)
            for _ in range(20):
                connection.sendall(frame(b'{"type": "text", "text": "x"}'))
            abort(connection) if number % 2 else connection.close()

    threads = [threading.Thread(target=leave, args=(10,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(lines("request")) == 100)
    assert {line["status"] for line in lines("request")} <= {101, 499}
    assert no_fault(lines), lines()
    assert server.metric(f'ssmphony_requests_total{{route="{PATH}",status="500"}}') == 0


@pytest.mark.parametrize("lost", range(4))
@pytest.mark.parametrize("error", [OSError, ConnectionResetError])
def test_a_send_that_finds_the_client_gone(voice, lines, lost, error):
    """However soon it leaves: the send number ``lost`` fails, as ASGI lets servers say it."""
    messages = [{"type": "websocket.connect"}] + [{"type": "websocket.receive", "text": '{"type": "finish"}'}] * 9
    sent = 0

    async def receive():
        return messages.pop(0)

    async def send(message):
        nonlocal sent
        if sent >= lost:
            raise error
        sent += 1

    async def call() -> None:
        scope = {
            "type": "websocket",
            "path": PATH,
            "raw_path": PATH.encode(),
            "headers": [],
            "client": ("1.2.3.4", 5),
            "subprotocols": [],
            "query_string": b"",
            "state": {},
        }
        try:
            await app(scope, receive, send)
        except OSError:
            assert lost == 0  # the server knows: it has raised it

    with Engine(voice, workers=1) as engine:
        app = create_app(engine)
        asyncio.run(call())
    [line] = lines("request")
    assert (line["status"], line["client"], line["level"]) == (499, "1.2.3.4", "info")
    assert no_fault(lines)


def test_a_client_that_leaves_within_its_body(server, lines):
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(post(b'{"input"', length=200))
    wait_for(lambda: lines("request"))
    assert [line["status"] for line in lines("request")] == [499]
    assert no_fault(lines)


@pytest.mark.parametrize(
    "data",
    [
        frame(b"\xff\xfe"),
        frame(b"\xe0", last=False) + frame(b"\x41", kind=0),
        frame(b'{"type": "text", "text": "\xff"}'),
        frame(b"\xed\xa0\x80"),
    ],
)
def test_a_text_that_is_not_utf8(server, lines, data):
    with open_socket(server) as connection:
        connection.sendall(data)
        told = read_all(connection)
    assert told[:1] == b"\x88"
    assert struct.unpack("!H", told[2:4]) == (1007,)
    wait_for(lambda: lines("request"))
    assert no_fault(lines), lines()
    [line] = lines("websocket closed")
    assert line["client"] == "127.0.0.1"
    assert "UTF-8" in line["problem"]


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x", kind=3),
        frame(b"x", kind=0),
        b"\x81\x05hello",
        frame(b"\x03", kind=8),
        frame(struct.pack("!H", 1007) + b"\xff", kind=8),
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
def test_frames_that_are_not_valid(server, lines, data):
    with open_socket(server) as connection:
        connection.sendall(data)
        assert read_all(connection)[:1] == b"\x88"
    wait_for(lambda: lines("request"))
    assert no_fault(lines), lines()


def test_every_line_has_the_address(server, lines):
    server.speak(TEXT)
    server.ask("GET", "/nothing")
    with Client(server) as client:
        client.say(TEXT)
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(b"rubbish\r\n\r\n")
        read_all(connection)
    wait_for(lambda: len(lines()) >= 5)
    told = [line for line in lines() if line["message"] in ("request", "utterance")]
    assert sorted(line["status"] for line in told) == [101, 200, 200, 400, 404]
    assert {line["client"] for line in told} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (("127.0.0.1", "::1"), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.0/8",), "203.0.113.9:1234", "203.0.113.9"),
        (("127.0.0.1",), "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (("127.0.0.1", "203.0.113.9"), "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (("*",), "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (("10.0.0.0/8",), "203.0.113.9", "127.0.0.1"),
        ((), "203.0.113.9", "127.0.0.1"),
    ],
)
def test_the_address_that_a_proxy_passes_on(voice, lines, proxies, forwarded, client):
    with serving(voice, forwarded_allow_ips=proxies) as server:
        server.ask("GET", "/nothing", headers={"X-Forwarded-For": forwarded})
        with Client(server, additional_headers={"X-Forwarded-For": forwarded}) as socket:
            socket.say(TEXT)
        wait_for(lambda: len(lines("request")) == 2)
    assert {line["client"] for line in lines("request") + lines("utterance")} == {client}


def test_probes_are_quiet_unless_something_is_wrong(voice, lines):
    with serving(voice, api_key="k") as server:
        key = {"Authorization": "Bearer k"}
        assert server.ask("GET", "/health").status == server.ask("GET", "/metrics", headers=key).status == 200
        assert not lines("request")
        assert server.ask("GET", "/metrics").status == 401
        assert server.ask("POST", "/health", headers=key).status == 405
        wait_for(lambda: len(lines("request")) == 2)
        assert {line["status"] for line in lines("request")} == {401, 405}
