"""Handing connections from the process that accepts them to the worker processes that serve them.

Workers that accept from one listening socket do not share evenly: the first to wake takes all waiting connections.
``SO_REUSEPORT`` spreads them by a hash of the addresses, so that four of them all go to one of two workers one time in
eight. Here each goes to the worker with the fewest.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from multiprocessing.context import SpawnContext
from typing import Any

SUPPORTED = hasattr(socket, "send_fds")
_MARK = b"\0"


class Inbox:
    """A worker's end. Picklable while its process is started."""

    def __init__(self, end: socket.socket, closed: Any) -> None:
        self._end = end
        self._closed = closed
        self._taken = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        """Serve what is handed over, in the running loop, until `close`."""
        self._end.setblocking(False)
        asyncio.get_running_loop().add_reader(self._end, self._take, make_protocol)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        self._end.close()

    def report(self, connections: int) -> None:
        """Tell the dispatcher how many of the connections that were handed over are still open."""
        self._closed.value = self._taken - connections

    def _take(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        try:
            message, handles, _, _ = socket.recv_fds(self._end, len(_MARK), 1)
        except BlockingIOError:
            return
        if not message:  # the dispatcher is gone
            asyncio.get_running_loop().remove_reader(self._end)
            return
        if not handles:  # this process has no file descriptor left: the kernel has closed the connection
            self._taken += 1
            return
        task = asyncio.ensure_future(self._serve(socket.socket(fileno=handles[0]), make_protocol))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(make_protocol, connection)
        except OSError:  # the client has left already
            connection.close()
        finally:
            self._taken += 1


class Outbox:
    """The dispatcher's end, to one worker."""

    def __init__(self, context: SpawnContext) -> None:
        self._end, theirs = socket.socketpair()
        self._end.setblocking(False)
        self._closed = context.RawValue("q", 0)
        self._handed = 0
        self.inbox = Inbox(theirs, self._closed)
        self._theirs = theirs

    def started(self) -> None:
        """The worker has its end: the copy here is closed, so that the dispatcher notices when the worker ends."""
        self._theirs.close()

    def close(self) -> None:
        self._end.close()

    @property
    def connections(self) -> int:
        """Open at the worker. May count one that has just been closed, never misses one."""
        return self._handed - self._closed.value

    def hand_over(self, connection: socket.socket) -> bool:
        """False where the worker is gone or takes no more."""
        try:
            socket.send_fds(self._end, [_MARK], [connection.fileno()])
        except OSError:
            return False
        self._handed += 1
        return True


class Dispatcher:
    """Hands each connection to the worker that has the fewest; of several, to the one given one longest ago."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._listener.setblocking(False)
        self._last: dict[Outbox, int] = {}
        self._count = 0

    def hand_out(self, workers: Iterable[Outbox]) -> bool:
        """Hand out what waits. False where a connection had to be closed because no worker takes it.

        Raises `OSError` where this process has no file descriptor left.
        """
        workers = list(workers)
        while True:
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return True
            with connection:
                if not self._hand_over(connection, workers):
                    return False

    def forget(self, worker: Outbox) -> None:
        self._last.pop(worker, None)

    def _hand_over(self, connection: socket.socket, workers: list[Outbox]) -> bool:
        for worker in sorted(workers, key=lambda worker: (worker.connections, self._last.get(worker, 0))):
            if worker.hand_over(connection):
                self._count += 1
                self._last[worker] = self._count
                return True
        return False
