"""Connections go to the worker that has the fewest."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ssmphony.server.dispatch import Dispatcher, Outbox
from ssmphony.server.run import listen
from tests.waiting import wait_for


class Workers:
    """A dispatcher in the test, workers whose connections the test opens and closes."""

    def __init__(self, listener: socket.socket, number: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._address = listener.getsockname()
        self.dispatcher = Dispatcher(listener)
        self.outboxes = [Outbox(self._context) for _ in range(number)]
        self.clients: list[socket.socket] = []

    def come(self, number: int) -> list[int]:
        """So many connect; the connections that each worker has then."""
        self.clients += [socket.create_connection(self._address, timeout=10) for _ in range(number)]
        before = sum(box.connections for box in self.outboxes)
        until = time.monotonic() + 10
        while sum(box.connections for box in self.outboxes) < before + number:
            assert self.dispatcher.hand_out(self.outboxes)
            assert time.monotonic() < until
        return [box.connections for box in self.outboxes]


@contextmanager
def workers(number: int) -> Iterator[Workers]:
    with listen("127.0.0.1", 0) as listener:
        running = Workers(listener, number)
        yield running
        for client in running.clients:
            client.close()
        for box in running.outboxes:
            box.started()
            box.close()


@pytest.mark.parametrize("number", [2, 3, 5])
def test_those_that_come_at_once_are_spread(number):
    with workers(number) as running:
        for round_ in range(1, 4):
            assert running.come(2 * number) == [2 * round_] * number


def test_who_has_the_fewest_comes_first():
    with workers(3) as running:
        running.come(6)
        running.outboxes[1]._closed.value = 2
        assert running.come(2) == [2, 2, 2]


def test_those_that_come_one_by_one_take_turns():
    """Each is over before the next: probes of health between requests do not send all requests to one worker."""
    with workers(2) as running:
        for _ in range(6):
            running.come(1)
            for box in running.outboxes:
                box._closed.value = box._handed
        assert [box._handed for box in running.outboxes] == [3, 3]


def test_a_worker_that_is_gone_gets_none():
    with workers(2) as running:
        running.outboxes[0].started()  # as though its process had ended: nobody has the other end
        assert running.come(4) == [0, 4]


def test_a_worker_that_takes_nothing_holds_nobody_up():
    with workers(2) as running:
        gone, stuck = running.outboxes
        gone.started()
        connection = socket.socket()
        while stuck.hand_over(connection):
            continue
        with socket.create_connection(running._address, timeout=10) as client:
            wait_for(lambda: not running.dispatcher.hand_out(running.outboxes))
            assert client.recv(1) == b""  # it is notified at once
        connection.close()


def test_what_is_handed_over_is_served():
    class Echo(asyncio.Protocol):
        def connection_made(self, transport):
            open_.add(transport)
            self._transport = transport

        def data_received(self, data):
            self._transport.write(data)

        def connection_lost(self, exc):
            open_.discard(self._transport)

    open_: set = set()

    async def serve(running: Workers) -> None:
        box = running.outboxes[0]
        box.inbox.open(Echo)
        for client in running.clients:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(client, b"hello")
            assert await asyncio.get_running_loop().sock_recv(client, 5) == b"hello"
        box.inbox.report(len(open_))
        assert box.connections == 3
        running.clients.pop().close()
        while len(open_) == 3:
            await asyncio.sleep(0.01)
        box.inbox.report(len(open_))
        assert box.connections == 2
        box.inbox.close()
        assert not box.hand_over(running.clients[0])
        for transport in open_:
            transport.abort()

    with workers(1) as running:
        running.come(3)
        asyncio.run(asyncio.wait_for(serve(running), 10))
