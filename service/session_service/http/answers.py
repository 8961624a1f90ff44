"""Bodies of answers: compact UTF-8 JSON, as AgentOS prints it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from session_service.http.errors import ApiError
from session_service.sessions.json_text import characters

JSON = "application/json"


def json_text(value: Any) -> bytes:
    """Compact JSON. NaN and infinities become null, and lone surrogates a question mark."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def answer(body: bytes, status: int = 200) -> web.Response:
    """A JSON answer with this body, in which invalid characters become U+FFFD."""
    return web.Response(status=status, body=characters(body), content_type=JSON)


def nothing() -> web.Response:
    """204 without a body, but with a content type, as AgentOS sends it."""
    return web.Response(status=204, content_type=JSON)


def failure(error: ApiError) -> web.Response:
    """`{"detail": …}` with the error's status and headers."""
    response = answer(json_text({"detail": error.detail}), error.status)
    response.headers.update(error.headers)
    return response
