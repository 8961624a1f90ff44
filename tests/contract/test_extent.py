"""What the service does not have of AgentOS, what it has beside it, and what it chooses where AgentOS asks."""

import re
import socket
from pathlib import Path

import pytest

from . import servers
from .exchange import Request
from .postgres import Postgres
from .servers import Server, Servers


def status(server: Server, method: str, path: str, **more: object) -> int:
    return server.ask(Request(method, path, **more)).status


def test_other_routes_of_agentos_are_not_there(agentos: Servers, service: Servers) -> None:  # other-routes
    theirs, ours = agentos["v3", "open"], service["v3", "open"]
    for path in ("/info", "/redoc", "/docs/oauth2-redirect", "/agents"):
        assert (status(theirs, "GET", path), status(ours, "GET", path)) == (200, 404)
    media = "/sessions/a-weather/media/key"
    assert (status(theirs, "GET", media), status(ours, "GET", media)) == (503, 404)


def test_probes_and_headers_are_its_own(agentos: Servers, service: Servers) -> None:  # probes, answer-headers
    theirs, ours = agentos["v3", "open"], service["v3", "open"]
    for path in ("/healthz", "/healthz/startup", "/healthz/ready"):
        assert (status(theirs, "GET", path), status(ours, "GET", path)) == (404, 200)
    for request in (Request("GET", "/sessions"), Request("GET", "/nowhere")):
        added = {"x-request-id", "server-timing"}
        assert added < ours.ask(request).headers.keys()
        assert added.isdisjoint(theirs.ask(request).headers)


def test_what_is_not_http_is_refused_as_json(agentos: Servers, service: Servers) -> None:  # no-http
    answers = []
    for server in (agentos["v3", "open"], service["v3", "open"]):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            client.sendall(b"nonsense\r\n\r\n")
            answer = b""
            while more := client.recv(4096):
                answer += more
        answers.append(answer.lower())
    assert all(re.match(rb"http/1\.[01] 400 ", answer) for answer in answers), answers
    assert [b"content-type: application/json" in answer for answer in answers] == [False, True]
    assert answers[1].endswith(b"}")


def test_what_a_create_imports_is_checked(agentos: Servers, service: Servers) -> None:  # checked-import
    theirs, ours = agentos["v3", "open"].fresh(), service["v3", "open"].fresh()
    for member in ("runs", "summary"):
        body = {"session_id": f"new-{member}", member: 1}
        assert status(theirs, "POST", "/sessions", json=body) == 201
        assert status(ours, "POST", "/sessions", json=body) == 422
        request = Request("POST", "/sessions", json=body | {"session_name": 1})
        problems = [server.ask(request).body["detail"] for server in (theirs, ours)]
        assert [problem["loc"] for problem in problems[0]] == [["body", "session_name"]]
        assert [problem["loc"] for problem in problems[1]] == [["body", "session_name"], ["body", member]]


def test_without_db_id_the_default_database_answers(  # default-database
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agentos: Servers, service: Servers
) -> None:
    lists = Request("GET", "/sessions?limit=100")
    assert agentos["v3", "multi"].ask(lists).status == 400
    assert service["v3", "multi"].ask(lists).status == 400  # with AGNO_REQUIRE_DB_ID=true
    monkeypatch.setitem(servers.MODES, "multi", {})
    with servers.service(postgres, tmp_path, "default", [("v3", "multi")]) as running:
        server = running["v3", "multi"]
        answer, named = server.ask(lists), server.ask(Request("GET", "/sessions?limit=100&db_id=main"))
    assert answer.status == 200
    assert answer.body["data"] == named.body["data"] != []
