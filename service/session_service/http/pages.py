"""What a browser finds beside the API: a first page at `/`, and at `/docs` a page of the API to read and to try.

Nothing comes from elsewhere: the page of the API is swagger-ui, which is in the package (assets/swagger-ui).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from string import Template
from typing import Any

from aiohttp import web

from session_service.http.answers import JSON, answer, json_text
from session_service.http.auth import PAGE_PATHS
from session_service.http.openapi import document
from session_service.http.requests import Call
from session_service.http.routing import Route

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

HTML = "text/html"
_OF_ALL = {"X-Content-Type-Options": "nosniff"}
# nothing of other hosts and no script in the text of a page is run; a key that is typed in goes to this service alone.
# swagger-ui draws its icons as data: URLs
_OF_PAGES = _OF_ALL | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_OF_FILES = _OF_ALL | {"Cache-Control": "max-age=3600"}
_KINDS = {"css": "text/css", "js": "text/javascript"}


def pages(version: str) -> tuple[Route[Handler], ...]:
    """The routes of this version."""
    described = document(version)
    info = described["info"]
    named = {"name": info["title"], "description": info["description"], "version": info["version"]}
    return (
        Route("/", {"GET": _home(named)}),
        Route("/docs", _constant(_page("docs.html", named), HTML, _OF_PAGES)),
        Route("/openapi.json", _constant(json_text(described), JSON, _OF_ALL)),
        *(Route(path, _file(path.removeprefix("/docs/"))) for path in PAGE_PATHS),
    )


def _home(named: dict[str, Any]) -> Handler:
    places = {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}
    as_json = json_text(named | places)
    as_page = _page("home.html", named)

    async def handler(call: Call) -> web.Response:
        accepted = call.request.headers.get("Accept", "*/*")
        wants_page = weight(accepted, HTML) > weight(accepted, JSON)
        response = _answer(as_page, HTML, _OF_PAGES) if wants_page else answer(as_json)
        response.headers["Vary"] = "Accept"
        return response

    return handler


def _constant(body: bytes, kind: str, headers: dict[str, str]) -> dict[str, Handler]:
    """The handlers of what is always the same; a HEAD is answered without a body, which aiohttp sees to."""

    async def handler(_: Call) -> web.Response:
        return _answer(body, kind, headers)

    return {"GET": handler, "HEAD": handler}


def _file(path: str) -> dict[str, Handler]:
    return _constant(_read(path), _KINDS[path.rpartition(".")[2]], _OF_FILES)


def _answer(body: bytes, kind: str, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, content_type=kind, charset=None if kind == JSON else "utf-8", headers=headers)


def _page(name: str, named: dict[str, Any]) -> bytes:
    return Template(_read(name).decode()).substitute(named).encode()


def _read(path: str) -> bytes:
    return (files("session_service.http") / "assets" / path).read_bytes()


def weight(accepted: str, kind: str) -> float:
    """The quality of a media type in an Accept header, 0 to 1: the most specific range counts (RFC 9110, 12.5.1)."""
    ranges: dict[str, float] = {}
    for each in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in each.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            ranges[name] = float(quality)
        except ValueError:
            continue
    family = kind.partition("/")[0]
    return next((ranges[name] for name in (kind, f"{family}/*", "*/*") if name in ranges), 0.0)
