"""Scopes: what each route needs, and which grants meet it."""

import pytest

from session_service.http.caller import Caller
from session_service.http.errors import ApiError
from session_service.http.scopes import require_scope, required_scope


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/sessions", "sessions:read"),
        ("GET", "/sessions/", "sessions:read"),
        ("GET", "/sessions/a", "sessions:read"),
        ("GET", "/sessions/a/runs", "sessions:read"),
        ("GET", "/sessions/a/runs///", "sessions:read"),
        ("GET", "/sessions/a/run-previews", "sessions:read"),
        ("GET", "/sessions/a/runs/r", "sessions:read"),
        ("GET", "/sessions/line\nbreak", "sessions:read"),
        ("GET", "/sessions/[a]*?", "sessions:read"),
        ("POST", "/sessions", "sessions:write"),
        ("POST", "/sessions/a/rename", "sessions:write"),
        ("POST", "/sessions/a/rename/", "sessions:write"),
        ("PATCH", "/sessions/a", "sessions:write"),
        ("DELETE", "/sessions", "sessions:delete"),
        ("DELETE", "/sessions/a", "sessions:delete"),
        ("GET", "/nope", None),
        ("GET", "/Sessions", None),
        ("GET", "/sessionsx", None),
        ("PUT", "/sessions/a", None),
        ("HEAD", "/sessions", None),
        ("POST", "/sessions/rename", None),
        ("GET", "/", None),
    ],
)
def test_each_route_needs_its_scope_and_an_unknown_one_none(method, path, scope):
    assert required_scope(method, path) == scope


def granted(*scopes, admin=False):
    return Caller("alice", frozenset(scopes), admin=admin)


@pytest.mark.parametrize(
    "caller",
    [
        granted("sessions:read"),
        granted("agents:read", "sessions:read"),
        granted("sessions:*:read"),
        granted("agent_os:admin", admin=True),
        Caller("alice", scopes=None),
    ],
)
def test_reading_is_allowed_to(caller):
    assert require_scope(caller, "GET", "/sessions/a") is None


@pytest.mark.parametrize(
    "scopes",
    [
        [],
        ["agents:read"],
        ["sessions:write", "sessions:delete"],
        ["sessions:a:read"],
        ["sessions:*:*"],
        ["sessions:*"],
        ["*:read"],
        ["*"],
        ["sessions"],
        ["sessions:read:"],
        ["sessions:a:b:read"],
        ["Sessions:read"],
        ["agent_os:admin"],  # where another scope is configured as the admin's
    ],
)
def test_reading_is_refused_to(scopes):
    with pytest.raises(ApiError) as refused:
        require_scope(granted(*scopes), "GET", "/sessions/a")
    assert refused.value.status == 403
    assert refused.value.detail == "Insufficient permissions. Required scope(s): sessions:read"


def test_a_path_without_a_rule_needs_no_scope():
    assert require_scope(granted(), "GET", "/nope") is None
