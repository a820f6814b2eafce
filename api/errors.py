"""Errors over HTTP: RFC 9457 problem documents for everything, whatever went wrong."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

_TITLES = {
    400: "Anfrage nicht verstanden", 403: "Nicht erlaubt", 404: "Nicht vorhanden", 405: "Methode nicht erlaubt",
    421: "Falscher Rechnername", 422: "Angabe ungültig", 500: "Fehler im Server",
}  # fmt: skip


def problem(status: int, detail: str, *, mode: str, extra: dict[str, Any] | None = None) -> Response:
    """A problem document."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "Fehler"), "status": status, "detail": detail}
    body |= {"mode": mode, **(extra or {})}
    return Response(orjson.dumps(body), status_code=status, media_type="application/problem+json")


def install(app: FastAPI, mode: str) -> None:
    """Make every error of the application a problem document; no traceback leaves the process."""

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), mode=mode)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        where = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()[:5])
        return problem(422, where, mode=mode)

    @app.exception_handler(Exception)
    async def mistake(request: Request, error: Exception) -> Response:
        return problem(500, type(error).__name__, mode=mode)
