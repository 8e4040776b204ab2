"""Around the whole application: the record of every request, the key, and limits on the body."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssmphony.server.errors import TOO_SLOW, ApiError, StreamBroken
from ssmphony.server.log import log
from ssmphony.server.metrics import Metrics
from ssmphony.server.record import CLIENT_GONE, Record
from ssmphony.server.settings import ServeSettings

RECORD = "ssmphony.record"
KEY_PROTOCOL = "openai-insecure-api-key."
"""A browser cannot give a WebSocket headers: it names a subprotocol of this and the key, as OpenAI's clients do."""


_PROBES = frozenset({"/health", "/metrics"})
"""Asked every few seconds by machines: logged only when something is wrong."""


class Gate:
    """ASGI middleware: rejects requests without a key, and those that are too large or too slow.

    Once ``stopping`` is set, a request that is cancelled is one that the server stopped before its end.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        metrics: Metrics,
        open_paths: Iterable[str],
        stopping: asyncio.Event,
    ) -> None:
        self._app, self._settings, self._metrics, self._stopping = app, settings, metrics, stopping
        self._open = frozenset(open_paths)
        key = settings.api_key
        self._key = None if key is None else key.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        record = scope[RECORD] = Record(
            client=scope["client"][0] if scope.get("client") else None, watermark=self._settings.watermark
        )
        begun = gone = False

        async def answer(message: Message) -> None:
            nonlocal begun, gone
            begun = True
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                record.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", record.id.encode())]
            elif message["type"] == "websocket.accept":
                record.status = 101
            try:
                await send(message)
            except OSError:  # what ASGI servers raise once the client has left
                gone = True
                raise

        try:
            await self._pass(scope, receive, answer)
        except ApiError as error:
            record.problem = error.message
            await error.response()(scope, receive, answer)
        except StreamBroken as error:
            record.problem = str(error)
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
            stopped = ApiError(503, "the server was stopped before the end of this request", "shutting_down")
            record.status, record.problem = stopped.status_code, stopped.message
            if not begun:
                await stopped.response()(scope, receive, answer)
        except Exception:
            record.status = 500
            raise
        finally:
            if gone:
                record.status = CLIENT_GONE
            record.route = getattr(scope.get("route"), "path", "other")
            record.end()
            self._metrics.count(record)
            log("request", _level(record), **record.fields())

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._key is not None and scope["path"] not in self._open and not self._knows_key(scope):
            raise ApiError(401, "wrong or missing API key: send 'Authorization: Bearer <key>'", "invalid_api_key")
        if scope["type"] == "http":
            receive = Body(scope, receive, self._settings).receive
        await self._app(scope, receive, send)

    def _knows_key(self, scope: Scope) -> bool:
        assert self._key is not None
        given = b""
        for name, value in scope["headers"]:
            if name == b"authorization" and value[:7].lower() == b"bearer ":
                given = value[7:].strip()
        for protocol in scope.get("subprotocols", ()):
            if protocol.startswith(KEY_PROTOCOL):
                given = protocol.removeprefix(KEY_PROTOCOL).encode()
        return hmac.compare_digest(given, self._key)


def _level(record: Record) -> int:
    if record.status >= 500:
        return logging.WARNING if record.status == 503 else logging.ERROR
    return logging.DEBUG if record.route in _PROBES and record.status < 400 else logging.INFO


class Body:
    """The body of a request as it arrives, up to a size and a time."""

    def __init__(self, scope: Scope, receive: Receive, settings: ServeSettings) -> None:
        self._receive, self._most = receive, settings.body_bytes
        self._until = time.monotonic() + settings.receive_s
        self._size = 0
        self._complete = False
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value[:20]) > self._most:
                raise self._too_large()

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._until - time.monotonic())
        except (asyncio.TimeoutError, TimeoutError):
            raise ApiError(408, *TOO_SLOW) from None
        if message["type"] == "http.disconnect":
            raise ApiError(CLIENT_GONE, "the client has left", "client_gone")
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise self._too_large()
        self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> ApiError:
        return ApiError(413, f"the body is larger than {self._most} bytes", "body_too_large")
