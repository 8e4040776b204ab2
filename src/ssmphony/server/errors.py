"""Errors as OpenAI's clients read them: ``{"error": {"message", "type", "param", "code"}}``, whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ssmphony.engine import DeadlineExceeded, EngineBusy, EngineClosed, VoiceFailed
from ssmphony.types import SsmphonyError

RETRY_AFTER_S = 1
TOO_SLOW = "the request did not arrive in time", "request_timeout"
"""Message and code of status 408."""
INTERNAL = "an error of the server; its log says more", "internal_error"
"""Of status 500."""
_TYPES = {401: "authentication_error", 429: "rate_limit_error"}
_log = logging.getLogger("ssmphony.server")


class ErrorBody(BaseModel):
    """What was wrong, in one line that a person can act on."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorResponse(BaseModel):
    error: ErrorBody


class ApiError(HTTPException):
    """The error sent to the client. A subclass, because FastAPI lets no other error through while it reads a body."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        message = _as_text(message)
        super().__init__(status, message, headers)
        self.message, self.code, self.param = message, code, param

    def __str__(self) -> str:
        return self.message

    def response(self) -> JSONResponse:
        return _response(self.status_code, self.message, self.code, self.param, dict(self.headers or {}))


def error_body(status: int, message: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    """The JSON of an error, whose type follows from its status."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return ErrorResponse(error=ErrorBody(message=message, type=kind, param=param, code=code)).model_dump()


class StreamBroken(Exception):
    """Raised after the first bytes of an answer, when it can only be aborted."""


@contextmanager
def api_errors() -> Generator[None, None, None]:
    """What the engine raises becomes an `ApiError`; the reason of a fault of ours goes to the log only."""
    try:
        yield
    except SsmphonyError as error:
        raise as_api_error(error) from error


def as_api_error(error: SsmphonyError) -> ApiError:
    if isinstance(error, EngineBusy):
        return ApiError(429, f"the server is busy: {error}", "server_busy")
    if isinstance(error, EngineClosed):
        return ApiError(503, "the server is shutting down: try again", "shutting_down")
    if isinstance(error, DeadlineExceeded):
        return ApiError(504, str(error), "timeout")
    if isinstance(error, VoiceFailed):
        _log.error(str(error), exc_info=error.__cause__)
        return ApiError(500, "the voice failed on this text; the server's log says why", "voice_failed")
    return ApiError(400, str(error), "invalid_value")


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` in this shape."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _unexpected)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, ApiError):
        return error.response()
    message, code = error.detail, None
    if error.status_code == 400:
        message, code = "the body cannot be read as JSON", "invalid_body"
    elif error.status_code == 404:
        message, code = f"there is nothing at {request.url.path:.200}", "not_found"
    elif error.status_code == 405:
        message, code = f"{request.url.path:.200} does not answer {request.method:.20}", "method_not_allowed"
    return _response(error.status_code, message, code, headers=dict(error.headers or {}))


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [part for part in first["loc"] if isinstance(part, str)]
    name = place[1] if len(place) > 1 and place[0] == "body" else None
    if first["type"] == "json_invalid":
        return _response(
            400, f"the body is not JSON: {first.get('ctx', {}).get('error', first['msg'])}", "invalid_json"
        )
    if name is None:
        return _response(400, "the body must be a JSON object, sent as application/json", "invalid_body")
    if first["type"] == "missing":
        return _response(400, f"missing '{name}'", "missing_required_parameter", name)
    return _response(400, f"'{name}': {first['msg'][:1].lower()}{first['msg'][1:]}", "invalid_value", name)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    return _response(500, *INTERNAL)


def _response(
    status: int, message: str, code: str | None, param: str | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(error_body(status, _as_text(message), code, param), status, headers=headers)


def _as_text(message: str) -> str:
    """Without lone surrogates, which UTF-8 does not have."""
    return message.encode("utf-8", "replace").decode()
