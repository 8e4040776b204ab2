"""Around the whole application: a record of every request, the key, and what a request may cost before it is read."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssmphony.server.errors import ApiError, StreamBroken
from ssmphony.server.log import log
from ssmphony.server.metrics import Metrics
from ssmphony.server.record import Record
from ssmphony.server.settings import ServeSettings

RECORD = "ssmphony.record"
KEY_PROTOCOL = "openai-insecure-api-key."
"""A browser cannot give a WebSocket headers: it names a subprotocol of this and the key, as OpenAI's clients do."""


class Gate:
    """ASGI middleware: whoever has no key, or sends too much or too slowly, gets no further."""

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics, open_paths: Iterable[str]) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._open = frozenset(open_paths)
        key = settings.api_key
        self._key = None if key is None else key.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        record = scope[RECORD] = Record()

        async def answer(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                record.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", record.id.encode())]
            elif message["type"] == "websocket.accept":
                record.status = 101
            await send(message)

        try:
            await self._pass(scope, receive, answer)
        except ApiError as error:
            record.problem = error.message
            await error.response()(scope, receive, answer)
        except StreamBroken as error:
            record.problem = str(error)
        except Exception:
            record.status = 500
            raise
        finally:
            record.route = getattr(scope.get("route"), "path", "other")
            record.end()
            self._metrics.count(record)
            log("request", logging.ERROR if record.status >= 500 else logging.INFO, **record.fields())

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
            raise ApiError(408, "the request did not arrive in time", "request_timeout") from None
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise self._too_large()
        self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> ApiError:
        return ApiError(413, f"the body is larger than {self._most} bytes", "body_too_large")
