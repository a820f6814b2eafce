"""The web application of one running incident, and the guard at its door."""

from __future__ import annotations

import html
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from api import errors
from api.errors import problem
from api.routes import areas, live, reading
from api.situation import Situation

PAGE = Path(__file__).resolve().parent.parent / "web" / "dist"
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS = {
    # Nothing but this server: what the page needs it gets here, and that proves that no internet is needed.
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NO_PAGE = "<!doctype html><meta charset=utf-8><title>Einsatzdrohne</title><p>Die Seite ist nicht gebaut: make setup"

Links = Callable[[], Mapping[str, bool]]


def served_names(host: str) -> frozenset[str]:
    """The names under which this server may be addressed when it listens on ``host``: loopback, and that one."""
    if host in ("0.0.0.0", "::", ""):
        return _LOCAL_HOSTS | {"*", socket.gethostname().lower()}
    return _LOCAL_HOSTS | {host.strip("[]").lower()}


def host_of(header: str) -> str:
    """The name in a Host header, without port and brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def is_served(name: str, hosts: frozenset[str]) -> bool:
    """Whether this server answers to a name. Rebinding needs a name, so a bare address is safe where all are served."""
    if name in hosts:
        return True
    if "*" not in hosts:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def create_app(situation: Situation, links: Links, *, hosts: frozenset[str] = _LOCAL_HOSTS) -> FastAPI:
    """All routes. ``links``: the wires and whether each is up; ``hosts``: from ``served_names``."""
    app = FastAPI(title="Einsatzdrohne", version="1", docs_url=None, openapi_url="/api/v1/openapi.json", redoc_url=None)
    errors.install(app, situation.mode)

    def served(header: str) -> bool:
        return is_served(host_of(header), hosts)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "")
        # A page of somebody else's that resolves its name to this machine must not read the incident (DNS rebinding).
        if not served(host):
            response = problem(421, f"host {host_of(host)!r} is not served here", mode=situation.mode)
        else:
            response = await call_next(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        kept = request.url.path.startswith("/assets/") and response.status_code == 200
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response

    app.include_router(reading.router(situation, links))
    app.include_router(areas.router(situation))
    app.include_router(live.router(situation, served))

    @app.get("/api/v1/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response(_docs(app.openapi()), media_type="text/html; charset=utf-8")

    if (PAGE / "index.html").is_file():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    else:

        @app.get("/", include_in_schema=False)
        async def no_page() -> Response:
            return Response(_NO_PAGE, media_type="text/html; charset=utf-8")

    return app


def _docs(schema: dict[str, Any]) -> str:
    """The interface as a plain page: the usual viewers load their scripts from the internet, which is not there."""
    rows = []
    for path, methods in sorted(schema["paths"].items()):
        for method, facts in methods.items():
            text = facts.get("description") or facts.get("summary", "")
            rows.append(f"<dt><code>{method.upper()} {html.escape(path)}</code><dd>{html.escape(text)}")
    sockets = (
        "<dt><code>WS /api/v1/live</code><dd>hello, snapshot, then envelopes "
        "{v, epoch, seq, topic, t_obs, t_srv, data[, took]}"
        "<dt><code>WS /api/v1/video/{camera}</code><dd>4 bytes length, JSON header, JPEG; grant {credit: 1} a frame"
    )
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Einsatzdrohne API</title>'
    words = "All answers carry <code>mode</code>; errors are RFC 9457 problems. Nothing here moves an aircraft."
    schema_at = '<a href="/api/v1/openapi.json">OpenAPI</a>'
    return f"{head}<h1>Einsatzdrohne API</h1><p>{words} {schema_at}<dl>{''.join(rows)}{sockets}</dl>"
