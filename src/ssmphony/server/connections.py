"""Connections that cannot be held for nothing: limits that uvicorn does not have.

A request that does not arrive in time is answered with 408, a client that takes nothing of what is sent to it is cut
off, and beyond a number of connections new ones get 503 at once.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any, NamedTuple, cast

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Limits(NamedTuple):
    connections: int
    receive_s: float
    stall_s: float


def protocols(limits: Limits) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """What uvicorn makes of a connection for HTTP and for a WebSocket."""
    http, socket = partial(Http, limits=limits), partial(WebSocket, limits=limits)
    return cast(type[asyncio.Protocol], http), cast(type[asyncio.Protocol], socket)


class Stall:
    """Cuts the connection when its buffer has been full for too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.WriteTransport) -> None:
        self.end()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, transport.abort)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Http(H11Protocol):
    """HTTP/1.1, in pure Python: what a request costs is speech, not parsing."""

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._stall = Stall(limits.stall_s)
        self._arriving: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        if len(self.connections) > self._limits.connections:
            self._refuse(503, "the server has too many connections: try again later", "too_many_connections")
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stall.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._arriving is None and self.conn.their_state is h11.IDLE:
            self._await_request()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
            if self.conn.their_state is h11.SEND_BODY:  # the application gives up on a body sooner, and says so
                self._arriving = self.loop.call_later(2 * self._limits.receive_s, self._late)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # the answer to what came before has begun
            return
        if self.conn.our_state is h11.SEND_RESPONSE:  # in the middle of a body: the application hears no more of it
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refuse(400, "this is not a valid HTTP request", "invalid_request")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin(self.transport)

    def resume_writing(self) -> None:
        self._stall.end()
        super().resume_writing()

    def _await_request(self) -> None:
        self._arriving = self.loop.call_later(self._limits.receive_s, self._late)

    def _stop_waiting(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _late(self) -> None:
        self._arriving = None
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(408, "the request did not arrive in time", "request_timeout")
        elif self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.close()

    def _refuse(self, status: int, message: str, code: str) -> None:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        answer = h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status])
        for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class WebSocket(WebSocketsSansIOProtocol):
    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stall = Stall(limits.stall_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin(self.transport)

    def resume_writing(self) -> None:
        self._stall.end()
        super().resume_writing()
