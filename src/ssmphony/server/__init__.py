"""Voices over HTTP and WebSocket, as clients of OpenAI's speech endpoint expect them.

`create_app` makes the application around an engine, `serve` runs it as settings say.
"""

from __future__ import annotations

from ssmphony.server.app import create_app
from ssmphony.server.run import serve
from ssmphony.server.settings import ServeSettings, read_settings

__all__ = ["ServeSettings", "create_app", "read_settings", "serve"]
