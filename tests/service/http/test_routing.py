"""Which handler a method and a path match, as AgentOS routes them."""

import pytest

from session_service.http.errors import ApiError
from session_service.http.routing import Route, Router, decoded

ROUTER = Router(
    (
        Route("/sessions", {"GET": "list", "POST": "create"}),
        Route("/sessions/{session_id}", {"GET": "read", "PATCH": "patch"}),
        Route("/sessions/{session_id}/rename", {"POST": "rename"}),
        Route("/sessions/{session_id}/runs", {"GET": "runs"}),
        Route("/sessions/{session_id}/runs/{run_id}", {"GET": "run"}),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "handler", "values"),
    [
        ("GET", "/sessions", "list", {}),
        ("POST", "/sessions", "create", {}),
        ("GET", "/sessions/", "list", {}),
        ("GET", "/sessions///", "list", {}),
        ("GET", "/sessions?limit=1/2", "list", {}),
        ("GET", "/sessions/?q=a/b/", "list", {}),
        ("GET", "/%73essions", "list", {}),
        ("GET", "/sessions/a", "read", {"session_id": "a"}),
        ("GET", "/sessions/a/", "read", {"session_id": "a"}),
        ("PATCH", "/sessions/a", "patch", {"session_id": "a"}),
        ("GET", "/sessions/runs", "read", {"session_id": "runs"}),
        ("GET", "/sessions/a%20%C3%A9%3F%23%25", "read", {"session_id": "a é?#%"}),
        ("GET", "/sessions/a+b", "read", {"session_id": "a+b"}),
        ("GET", "/sessions/%ff", "read", {"session_id": "\ufffd"}),
        ("GET", "/sessions/a%00", "read", {"session_id": "a\0"}),
        ("GET", "/sessions/..", "read", {"session_id": ".."}),
        ("GET", "/sessions/a%2Fruns", "runs", {"session_id": "a"}),
        ("GET", "/sessions/a/runs%2F", "runs", {"session_id": "a"}),
        ("GET", "/sessions/a/runs/r%2f", "run", {"session_id": "a", "run_id": "r"}),
        ("POST", "/sessions/a/rename/", "rename", {"session_id": "a"}),
    ],
)
def test_a_path_leads_to_its_handler(method, path, handler, values):
    match = ROUTER.match(method, decoded(path))
    assert (match.handler, match.values) == (handler, values)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/session",
        "/Sessions",
        "/sessions/a/Runs",
        "//sessions",
        "/sessions//a",
        "/sessions/a//runs",
        "/sessions/a%2Fb",
        "/sessions/%2Fa",
        "/sessions/a/runs/r/s",
        "/x/sessions",
        "sessions",
    ],
)
def test_any_other_path_is_not_found(path):
    with pytest.raises(ApiError) as refused:
        ROUTER.match("GET", decoded(path))
    assert (refused.value.status, refused.value.detail) == (404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/sessions", "GET"),
        ("HEAD", "/sessions", "GET"),
        ("OPTIONS", "/sessions/a", "GET"),
        ("get", "/sessions", "GET"),
        ("GET", "/sessions/a/rename", "POST"),
        ("DELETE", "/sessions/a/runs", "GET"),
    ],
)
def test_another_method_is_refused_with_one_that_is_allowed(method, path, allow):
    with pytest.raises(ApiError) as refused:
        ROUTER.match(method, decoded(path))
    assert (refused.value.status, refused.value.detail) == (405, "Method Not Allowed")
    assert refused.value.headers == {"Allow": allow}
