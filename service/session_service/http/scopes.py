"""Which scope a route needs, and whether a caller holds it."""

from fnmatch import fnmatchcase

from session_service.http.caller import Caller
from session_service.http.errors import ApiError

# `*` matches slashes too: runs, previews and single runs need the scope of their session.
_SCOPES = (
    ("GET /sessions", "sessions:read"),
    ("GET /sessions/*", "sessions:read"),
    ("POST /sessions", "sessions:write"),
    ("POST /sessions/*/rename", "sessions:write"),
    ("PATCH /sessions/*", "sessions:write"),
    ("DELETE /sessions", "sessions:delete"),
    ("DELETE /sessions/*", "sessions:delete"),
)


def required_scope(method: str, path: str) -> str | None:
    """The scope of a route, None if a valid token suffices; `path` is decoded, as for the router."""
    route = f"{method} {path.rstrip('/')}"
    return next((scope for pattern, scope in _SCOPES if fnmatchcase(route, pattern)), None)


def require_scope(caller: Caller, method: str, path: str) -> None:
    """Raise ApiError 403 unless the caller holds the scope of the route."""
    if caller.scopes is None or caller.admin:
        return
    scope = required_scope(method, path)
    if scope is None:
        return
    resource, action = scope.split(":")
    if caller.scopes.isdisjoint({scope, f"{resource}:*:{action}"}):
        raise ApiError(403, f"Insufficient permissions. Required scope(s): {scope}")
