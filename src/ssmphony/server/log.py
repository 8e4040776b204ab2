"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from typing import Any

LOGGER = "ssmphony.server"
_FIELDS = "fields"
_LOGGED_ALREADY = frozenset(
    {
        # what uvicorn says of requests that have a line of their own, with the client's address
        "ASGI callable returned without completing response.",
        "ASGI callable returned without completing handshake.",
        "Cancel %s running task(s), timeout graceful shutdown exceeded",
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
    }
)


class JsonLines(logging.Formatter):
    """Time, level and message of a record, its fields, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace").decode()


def log(message: str, level: int = logging.INFO, **fields: Any) -> None:
    logging.getLogger(LOGGER).log(level, message, extra={_FIELDS: fields})


def write_log() -> None:
    """Write the log of the server, of uvicorn and of asyncio to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: record.msg not in _LOGGED_ALREADY)
    levels = {
        LOGGER: logging.INFO,
        "uvicorn.error": logging.WARNING,
        "uvicorn.access": logging.ERROR,
        "asyncio": logging.WARNING,
    }
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
