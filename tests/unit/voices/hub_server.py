"""The endpoints of the Hugging Face Hub that its client calls for us, on this machine, with folders as repositories."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

COMMIT = "1" * 40


class HubServer(ThreadingHTTPServer):
    """Repositories are folders ``OWNER/NAME`` below ``folder``; those in ``gated`` want a login."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.gated: set[str] = set()
        self.loaded: list[str] = []
        """Files that a client has begun to load."""
        self.commits: list[str] = []
        self.page = b""
        """Served in place of every answer, as a proxy does."""
        self.extra: dict[str, bytes] = {}
        """Served after a file, in spite of its size."""


class _Failure(Exception):
    """A status, and the code by which the client knows what is missing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _hub(self) -> HubServer:
        assert isinstance(self.server, HubServer)
        return self.server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._hub.page:
            self._send(self._hub.page)
            return
        try:
            match urlsplit(self.path).path.strip("/").split("/"):
                case ["api", "repos", "create"]:
                    self._create(json.loads(body))
                case ["api", "models", owner, name, "paths-info", _]:
                    self._send(self._entries(f"{owner}/{name}", parse_qs(body.decode())["paths"]))
                case ["api", "models", owner, name, "tree", _]:
                    self._send(self._entries(f"{owner}/{name}", None))
                case ["api", "models", _, _, "preupload", _]:
                    names = [file["path"] for file in json.loads(body)["files"]]
                    self._send(
                        {"files": [{"path": path, "uploadMode": "regular", "shouldIgnore": False} for path in names]}
                    )
                case ["api", "models", owner, name, "commit", _]:
                    self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
                case [owner, name, "resolve", _, *path]:
                    self._resolve(f"{owner}/{name}", "/".join(path))
                case _:
                    raise _Failure(404, "")
        except _Failure as failure:
            status, code = failure.args
            self._send({"error": code}, {"X-Error-Code": code}, status)

    def _repository(self, name: str) -> Path:
        if name in self._hub.gated:
            raise _Failure(403, "GatedRepo")
        if not (self._hub.folder / name).is_dir():
            raise _Failure(404, "RepoNotFound")
        return self._hub.folder / name

    def _entries(self, repository: str, paths: list[str] | None) -> list[dict[str, Any]]:
        folder = self._repository(repository)
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        return [
            {"type": "file", "path": name, "size": path.stat().st_size, "oid": _digest(path)}
            for name, path in files.items()
            if paths is None or name in paths
        ]

    def _create(self, wanted: dict[str, str]) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        folder = self._hub.folder / name
        status = 409 if folder.exists() else 200
        folder.mkdir(parents=True, exist_ok=True)
        self._send({"url": f"{self._hub.url}/{name}"}, status=status)

    def _commit(self, repository: str, lines: list[dict[str, Any]]) -> None:
        folder = self._repository(repository)
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self._hub.commits.append(value["summary"])
            elif line["key"] == "deletedFile":
                (folder / value["path"]).unlink()
            else:
                (folder / value["path"]).parent.mkdir(parents=True, exist_ok=True)
                (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
        self._send({"commitOid": COMMIT, "commitUrl": f"{self._hub.url}/{repository}/commit/{COMMIT}"})

    def _resolve(self, repository: str, path: str) -> None:
        file = self._repository(repository) / path
        if not file.is_file():
            raise _Failure(404, "EntryNotFound")
        data = file.read_bytes() + self._hub.extra.get(path, b"")
        if self.command == "GET":
            self._hub.loaded.append(path)
        self._send(data, {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT})

    def _send(self, content: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@contextmanager
def running_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[HubServer, None, None]:
    """A hub which the client takes for the real one."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="no client: pip install '.[hub]'")
    with HubServer(folder) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 34)
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
