"""Start the server with the options that were set in Home Assistant, and tell the Supervisor where it is."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

OPTIONS = Path("/data/options.json")
SUPERVISOR = "http://supervisor"
PORT = 10200
DRAIN_S = 10
PATIENCE_S = 300
"""For the voice to be loaded."""


def arguments(options: Mapping[str, Any], port: int) -> list[str]:
    """What `ssmphony` is started with. Raises `SystemExit` with a line that says what is missing."""
    announce = options.get("announce", False)
    made = ["serve", "--wyoming", f"tcp://{'0.0.0.0' if announce else '127.0.0.1'}:{port}", "--drain-s", str(DRAIN_S)]
    if announce:
        made.append("--zeroconf")
    for name in ("voice", "lexicon", "threads"):
        if options.get(name):
            made += [f"--{name}", str(options[name])]
    if options.get("watermark"):
        made.append("--watermark")
    if not options.get("http_port"):
        return [*made, "--port", "0"]  # any that is free, for this machine only
    if not options.get("api_key"):
        raise SystemExit("http_port opens the server to the network: set api_key, too")
    return [*made, "--host", "0.0.0.0", "--port", str(options["http_port"])]


def announce(port: int, supervisor: str, token: str) -> None:
    """As soon as the port answers, offer it to Home Assistant."""
    limit = time.monotonic() + PATIENCE_S
    while not _answers(port):
        if time.monotonic() > limit:
            return
        time.sleep(0.5)
    message = {"service": "wyoming", "config": {"uri": f"tcp://127.0.0.1:{port}"}}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(f"{supervisor}/discovery", json.dumps(message).encode(), headers, method="POST")
    try:
        with urlopen(request, timeout=30):
            pass
    except OSError as error:
        sys.stderr.write(f"the Supervisor took no message about the Wyoming port: {error}; add it by hand\n")


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


def main() -> None:
    """Never returns: ends with the status of the server."""
    options = json.loads(OPTIONS.read_text(encoding="utf-8"))
    if options.get("api_key"):
        os.environ["SSMPHONY_SERVE_API_KEY"] = options["api_key"]
    command = arguments(options, PORT)
    if token := os.environ.get("SUPERVISOR_TOKEN"):
        threading.Thread(target=announce, args=(PORT, SUPERVISOR, token), daemon=True).start()
    from ssmphony.cli import app

    app(command)


if __name__ == "__main__":
    main()
