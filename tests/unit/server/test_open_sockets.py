"""A WebSocket stays open for as long as its client is there: limits on requests are not limits on sockets."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

from tests.unit.server.running import serving
from tests.unit.server.test_faults import read_all
from tests.unit.server.test_socket import LONG, PATH, TEXT, Client
from tests.waiting import wait_for

HANDSHAKE = (
    f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def stay_idle(client: Client, seconds: float) -> None:
    """Say nothing; the client's library answers pings."""
    with pytest.raises(TimeoutError):
        client.socket.recv(timeout=seconds)
    assert client.say(TEXT)[2]["type"] == "done"


def trickle(client: Client, seconds: float, pause_s: float) -> None:
    """Write all the time, as a language model does, and read what comes."""
    client.send("start")
    assert client.next()["type"] == "started"

    def write() -> None:
        for _ in range(round(seconds / pause_s)):
            client.send("text", text="नमस्ते, ")
            time.sleep(pause_s)
        client.send("finish")

    writing = threading.Thread(target=write)
    writing.start()
    _, words, done = client.until_end()
    writing.join()
    assert done["type"] == "done"
    assert len(words) == round(seconds / pause_s)


def listen_at_its_pace(client: Client, seconds: float) -> None:
    """Read as slowly as a player does, for at least so long, and hear every sound."""
    client.send("start", speed=0.25)
    client.send("text", text=LONG)
    client.send("finish")
    began, heard, waited = time.monotonic(), 0, 0.0
    while True:
        message = client.next()
        if isinstance(message, bytes):
            heard += len(message)
            if (waited := time.monotonic() - began) < seconds:
                time.sleep(min(0.1, seconds - waited))
        elif message["type"] == "done":
            break
        else:
            assert message["type"] in ("started", "words")
    assert waited >= seconds
    assert heard == round(2 * 24_000 * message["seconds"])


def all_at_once(server, seconds: float, pause_s: float) -> None:
    """The three kinds of clients at the same time. Threads do not fail a test: what they raise is kept."""
    failures: list[BaseException] = []

    def run(work, *arguments) -> None:
        try:
            with Client(server, ping_interval=None, max_queue=1) as client:
                work(client, *arguments)
        except BaseException as failure:
            failures.append(failure)

    works = [(stay_idle, seconds), (trickle, seconds, pause_s), (listen_at_its_pace, seconds)]
    threads = [threading.Thread(target=run, args=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_a_socket_outlives_the_time_for_a_request(voice):
    with serving(voice, receive_s=0.2) as server:
        all_at_once(server, seconds=1.5, pause_s=0.1)


@pytest.mark.slow
def test_a_socket_stays_open_for_more_than_a_minute(voice):
    with serving(voice, idle_s=90.0) as server:
        all_at_once(server, seconds=65.0, pause_s=0.4)


def test_a_socket_is_not_idle_while_it_is_sent_sound(voice, monkeypatch):
    """The text is not finished: the client waits for what it has written to be spoken."""
    real = type(voice).decode

    def slowly(self, batch, frames):
        time.sleep(0.05)
        return real(self, batch, frames)

    monkeypatch.setattr(type(voice), "decode", slowly)
    with serving(voice, idle_s=0.3) as server, Client(server) as client:
        client.send("start")
        client.send("text", text=TEXT)
        client.send("flush")
        began = time.monotonic()
        while isinstance(message := client.next(), bytes) or message["type"] in ("started", "words"):
            last = time.monotonic()
        assert message["code"] == "idle_timeout"
        assert last - began > 0.4
        with pytest.raises(ConnectionClosed):
            client.next()


@pytest.mark.parametrize("header", ["Content-Length: 5", "Transfer-Encoding: chunked", f"X-Long: {'x' * 9000}"])
def test_a_handshake_that_cannot_be_one_is_answered(server, header):
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(f"{HANDSHAKE}{header}\r\n\r\n".encode())
        assert b" 400 " in read_all(connection)
    wait_for(lambda: not server.server.server_state.connections)
