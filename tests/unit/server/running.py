"""A real uvicorn on a free port, in a thread, around an engine that the test can look into."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ssmphony.engine import Engine
from ssmphony.server.run import Server, listen, url_of
from ssmphony.server.settings import ServeSettings
from ssmphony.voice import Voice
from tests.waiting import wait_for

SPEECH = "/v1/audio/speech"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """Checks the shape on the way."""
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        assert "\n" not in error["message"]
        assert "Traceback" not in error["message"]
        return error


@dataclass
class Running:
    url: str
    engine: Engine
    server: Server

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            data = body.encode() if isinstance(body, str) else body
            connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def speak(self, text: str, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
        return self.ask("POST", SPEECH, json.dumps({"input": text, "response_format": "pcm", **fields}), headers)

    def metric(self, line: str) -> float:
        """The value of a line of /metrics that begins so."""
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return sum(float(found.rsplit(" ", 1)[1]) for found in lines if found.startswith(line))


@contextmanager
def serving(voice: Voice, *, engine: dict[str, Any] | None = None, **settings: Any) -> Iterator[Running]:
    """Serve; at the end nothing may be left in the engine, and no connection in the server."""
    with Engine(voice, **{"workers": 1, **(engine or {})}) as speaking, listen("127.0.0.1", 0) as listener:
        server = Server(speaking, ServeSettings(**settings), listener)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        wait_for(lambda: server.started)
        try:
            yield Running(url_of(listener), speaking, server)
            wait_for(lambda: speaking.stats()[:2] == (0, 0))
            assert speaking.stats().slots_used == 0
        finally:
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive()
        assert not server.server_state.tasks
