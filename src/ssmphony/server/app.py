"""The application: routes, limits and the page around an engine."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from socket import socket as Listener
from typing import Any

from fastapi import Depends, FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ssmphony import __version__
from ssmphony.engine import Engine
from ssmphony.server import captions, catalogue, errors, phonemes, socket, speech
from ssmphony.server.delivery import NOTHING_SPOKEN
from ssmphony.server.limits import Gate
from ssmphony.server.log import log
from ssmphony.server.metrics import REFRESH_S, Metrics
from ssmphony.server.names import VoiceNames
from ssmphony.server.reference import render
from ssmphony.server.settings import ServeSettings
from ssmphony.server.style import load_references
from ssmphony.server.whole import SoundBudget
from ssmphony.server.wyoming import answering

PAGE = Path(__file__).parent / "page"
_PAGE_HEADERS = {
    # nothing from elsewhere, nothing written into the page itself
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_Answer = Callable[[], Coroutine[Any, Any, Response]]


def create_app(
    engine: Engine,
    settings: ServeSettings | None = None,
    *,
    url: str | None = None,
    wyoming: Listener | None = None,
    stopping: asyncio.Event | None = None,
) -> FastAPI:
    """The application that speaks with ``engine``, which stays the caller's to close. ``url`` is where it listens.

    While it runs, it answers the protocol Wyoming at the socket ``wyoming``. Once ``stopping`` is set, WebSockets are
    closed as soon as their utterances have ended. Raises `SsmphonyError` for an alias that leads nowhere and a
    reference that cannot be read.
    """
    settings = settings or ServeSettings()
    stopping = stopping or asyncio.Event()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        keeping = asyncio.create_task(_keep_fresh(metrics, engine))
        if url is not None:
            log(f"listening on {url}", url=url, voices=list(engine.voices), pid=os.getpid())
        async with nullcontext() if wyoming is None else answering(wyoming, engine, settings, metrics):
            yield
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    app = FastAPI(
        title="ssmphony",
        version=__version__,
        description="Text to speech, as clients of OpenAI's speech endpoint expect it.",
        docs_url=None,  # it loads scripts from elsewhere: see `reference`
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.engine, app.state.settings, app.state.metrics = engine, settings, metrics
    app.state.references, app.state.stopping = load_references(settings), stopping
    app.state.names = VoiceNames.of(engine, settings.aliases, app.state.references)
    app.state.held = SoundBudget(settings.whole_s)
    errors.install(app)
    described = [Depends(HTTPBearer(auto_error=False))] if settings.api_key is not None else []  # `Gate` checks it
    for router in (speech.router, captions.router, phonemes.router, catalogue.router):
        app.include_router(
            router, dependencies=described, responses={status: speech.ERRORS[status] for status in (401, "4XX")}
        )
    app.include_router(socket.router)

    @app.get("/health", tags=["operation"])
    async def health() -> dict[str, str]:
        """Answers once the voices are loaded. Needs no key."""
        return {"status": "ok"}

    @app.get("/metrics", tags=["operation"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def read_metrics() -> Response:
        """For Prometheus."""
        metrics.refresh(engine.stats())
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def show_reference() -> Response:
        return HTMLResponse(render(app.openapi()), headers=_PAGE_HEADERS)

    page = {**_page(), "/docs": show_reference}
    for path, answer in page.items():
        app.add_api_route(path, answer, include_in_schema=False)
    app.add_middleware(Gate, settings=settings, metrics=metrics, open_paths=["/health", *page], stopping=stopping)
    app.add_middleware(Head)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["*"],  # whatever is asked for: each of OpenAI's clients sends others
            expose_headers=["Retry-After", "X-Request-Id", "X-Sample-Rate", NOTHING_SPOKEN],
        )
    return app


class Head:
    """ASGI middleware: HEAD is answered wherever GET is, with the same headers and no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, without_body)


async def _keep_fresh(metrics: Metrics, engine: Engine) -> None:
    """So that another process can answer for this one."""
    while True:
        metrics.refresh(engine.stats())
        await asyncio.sleep(REFRESH_S)


def _page() -> dict[str, _Answer]:
    """A route for each file of the page: no path that a client sends ever reaches the file system."""

    def answer(file: Path) -> _Answer:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"

        async def send() -> Response:
            return FileResponse(file, media_type=kind, headers=_PAGE_HEADERS)

        return send

    files = {f"/{file.relative_to(PAGE).as_posix()}": file for file in sorted(PAGE.rglob("*")) if file.is_file()}
    return {("/" if path == "/index.html" else path): answer(file) for path, file in files.items()}
