"""The web application of one running incident."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from api import errors
from api.errors import problem
from api.routes import live, reading
from api.situation import Situation

PAGE = Path(__file__).resolve().parent.parent / "web" / "dist"
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HEADERS = {
    # Nothing but this server: what the page needs it gets here, and that proves that no internet is needed.
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_NO_PAGE = "<!doctype html><meta charset=utf-8><title>Einsatzdrohne</title><p>Die Seite ist nicht gebaut: make setup"

Links = Callable[[], Mapping[str, bool]]


def create_app(situation: Situation, links: Links, *, hosts: frozenset[str] = frozenset()) -> FastAPI:
    """All routes. ``links``: the wires and whether each is up; ``hosts``: names beyond loopback that are served."""
    app = FastAPI(
        title="Einsatzdrohne", version="1", docs_url="/api/v1/docs", openapi_url="/api/v1/openapi.json", redoc_url=None
    )
    errors.install(app, situation.mode)
    allowed = _LOCAL_HOSTS | hosts

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        host = request.headers.get("host", "").rsplit(":", 1)[0].lower()
        # A page of somebody else's that resolves its name to this machine must not read the incident (DNS rebinding).
        if host not in allowed:
            return problem(421, f"host {host!r} is not served here", mode=situation.mode)
        response = await call_next(request)
        for name, value in _HEADERS.items():
            if not (name.startswith("Content-Security") and request.url.path == "/api/v1/docs"):
                response.headers.setdefault(name, value)
        if request.url.path == "/" or not request.url.path.startswith("/assets/"):
            response.headers.setdefault("Cache-Control", "no-cache")
        else:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.include_router(reading.router(situation, links))
    app.include_router(live.router(situation, allowed))
    if (PAGE / "index.html").is_file():
        app.mount("/", StaticFiles(directory=PAGE, html=True))
    else:

        @app.get("/", include_in_schema=False)
        async def no_page() -> Response:
            return Response(_NO_PAGE, media_type="text/html; charset=utf-8")

    return app
