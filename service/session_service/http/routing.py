"""Routes paths to handlers as AgentOS does: it decodes percent-encoding first and drops trailing slashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

from session_service.http.errors import ApiError

Handler = TypeVar("Handler")


@dataclass(frozen=True, slots=True)
class Route(Generic[Handler]):
    """A path template (`/sessions/{session_id}`) with a handler per method."""

    template: str
    handlers: Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Match(Generic[Handler]):
    """The matched route of a request, with the values of its path."""

    handler: Handler
    template: str
    values: dict[str, str]


def decoded(raw_path: str) -> str:
    """The decoded path: `%2F` separates like any slash, invalid UTF-8 becomes U+FFFD, trailing slashes are dropped."""
    path = unquote(raw_path.partition("?")[0], errors="replace")
    return path.rstrip("/") or "/"


class Router(Generic[Handler]):
    """Finds the handler of a method and a decoded path."""

    def __init__(self, routes: tuple[Route[Handler], ...]) -> None:
        # by the number of their parts
        self._routes: dict[int, list[tuple[Route[Handler], list[str]]]] = {}
        for route in routes:
            pattern = route.template.split("/")
            self._routes.setdefault(len(pattern), []).append((route, pattern))

    def match(self, method: str, path: str) -> Match[Handler]:
        """The matched route. Raises ApiError 404, or 405 whose `Allow` names one method of the first matching route."""
        parts = path.split("/")
        for route, pattern in self._routes.get(len(parts), ()):
            values = _values(pattern, parts)
            if values is None:
                continue
            if method not in route.handlers:
                raise ApiError(405, "Method Not Allowed", {"Allow": next(iter(route.handlers))})
            return Match(route.handlers[method], route.template, values)
        raise ApiError(404, "Not Found")


def _values(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    values = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            if not part:
                return None
            values[expected[1:-1]] = part
        elif expected != part:
            return None
    return values
