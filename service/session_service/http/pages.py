"""What a browser finds beside the API: a first page at `/`, and the description of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from string import Template
from typing import Any

from aiohttp import web

from session_service.http.answers import answer, json_text
from session_service.http.openapi import document
from session_service.http.requests import Call
from session_service.http.routing import Route

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

HTML = "text/html"
JSON = "application/json"
_OF_FILES = {"X-Content-Type-Options": "nosniff"}
# pages take nothing from elsewhere, run no script of their own text, and are shown in no frame
_OF_PAGES = _OF_FILES | {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_FILES = {"site.css": "text/css"}


def pages(version: str) -> tuple[Route[Handler], ...]:
    """The routes of this version."""
    described = document(version)
    return (
        Route("/", {"GET": _home(described["info"])}),
        Route("/openapi.json", _read_only(json_text(described), JSON)),
        *(Route(f"/docs/{name}", _read_only(_read(name), kind)) for name, kind in _FILES.items()),
    )


def _home(info: dict[str, Any]) -> Handler:
    named = {"name": info["title"], "description": info["description"], "version": info["version"]}
    as_json = json_text(named | {"openapi": "/openapi.json", "health": "/health"})
    as_page = Template(_read("home.html").decode()).substitute(named).encode()

    async def handler(call: Call) -> web.Response:
        accepted = call.request.headers.get("Accept", "*/*")
        wants_page = weight(accepted, HTML) > weight(accepted, JSON)
        response = _page(as_page) if wants_page else answer(as_json)
        response.headers["Vary"] = "Accept"
        return response

    return handler


def _read_only(body: bytes, kind: str) -> dict[str, Handler]:
    """The handlers of a file; a HEAD is answered without a body, which aiohttp sees to."""

    async def handler(_: Call) -> web.Response:
        response = web.Response(body=body, content_type=kind, charset=None if kind == JSON else "utf-8")
        response.headers.update(_OF_FILES)
        return response

    return {"GET": handler, "HEAD": handler}


def _page(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=HTML, charset="utf-8", headers=_OF_PAGES)


def _read(name: str) -> bytes:
    return (files("session_service.http") / "assets" / name).read_bytes()


def weight(accepted: str, kind: str) -> float:
    """How much an Accept header likes a media type, from 0 to 1: its most exact range counts (RFC 9110, 12.5.1)."""
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
