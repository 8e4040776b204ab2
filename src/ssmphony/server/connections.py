"""Limits on connections that uvicorn lacks.

A request that does not arrive in time is answered with 408, a client that reads nothing of what is sent to it is
disconnected, and connections above the limit get 503 at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, cast

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ssmphony.server.errors import TOO_SLOW, error_body
from ssmphony.server.log import log

_CLOSE_S = 1.0
"""How long a client may take to answer a close frame while the server stops."""


class ConnectionLimits(NamedTuple):
    connections: int
    receive_s: float
    stall_s: float


def protocols(
    limits: ConnectionLimits, stopping: asyncio.Event
) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """The protocols of uvicorn for HTTP and for WebSockets. They set ``stopping`` when the server stops."""
    http = partial(Http, limits=limits, stopping=stopping)
    socket = partial(WebSocket, limits=limits, stopping=stopping)
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

    def __init__(self, *args: Any, limits: ConnectionLimits, stopping: asyncio.Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits, self._stopping = limits, stopping
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
        if self.transport.get_protocol() is not self:
            return  # the connection is a WebSocket's now: no body of a request is to come
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
            if self.conn.their_state is h11.SEND_BODY:  # the application gives up on a body sooner, and says so
                self._arriving = self.loop.call_later(2 * self._limits.receive_s, self._late)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        self._stall.end()
        super().handle_websocket_upgrade(event)

    def shutdown(self) -> None:
        self._stopping.set()
        if not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()  # the answer to what came before has begun
            return
        if self.conn.our_state is h11.SEND_RESPONSE:  # in the middle of a body: the application gets no more of it
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
            self._refuse(408, *TOO_SLOW)
        elif self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self.transport.close()

    def _refuse(self, status: int, message: str, code: str) -> None:
        self.transport.write(_refusal(self.client, status, message, code))
        self.transport.close()


class WebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is never an error of the server when its client leaves or sends what is not valid."""

    def __init__(self, *args: Any, limits: ConnectionLimits, stopping: asyncio.Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stopping = stopping
        self._stall = Stall(limits.stall_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # All of the request is here: it is one that the library `websockets` does not take, with a body or with
            # a header that is too long, and uvicorn would leave it without an answer.
            problem = "this is not a valid WebSocket handshake"
            self.transport.write(_refusal(self.client, 400, problem, "invalid_request"))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected  # uvicorn raises RuntimeError in some of these states, as for a fault of ours
        await super().send(message)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            self.frames = [b"".join(self.frames)]
            try:
                self.frames[0].decode()
            except UnicodeDecodeError:
                self._refuse_text()
                return
        super().send_receive_event_to_app()

    def shutdown(self) -> None:
        """Leave an open socket to the application, which closes it once its utterance has ended."""
        self._stopping.set()
        self.close_timeout = _CLOSE_S
        if self.close_sent:
            super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin(self.transport)

    def resume_writing(self) -> None:
        self._stall.end()
        super().resume_writing()

    def _refuse_text(self) -> None:
        problem = "a text frame that is not UTF-8"
        log("websocket closed", client=self.client and self.client[0], problem=problem)
        if not self.close_sent:
            self.conn.send_close(1007, problem)
            self.handle_parser_exception()


def _refusal(client: tuple[str, int] | None, status: int, message: str, code: str) -> bytes:
    """The answer to a request that never reaches the application, and a line of the log."""
    level = logging.WARNING if status >= 500 else logging.INFO
    log("request", level, client=client and client[0], route="other", status=status, problem=message)
    body = json.dumps(error_body(status, message, code))
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
