"""The statuses that the service answers and AgentOS does not: the second table of differences.md, and the code."""

import ast
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psycopg2
import pytest

from session_service.http.openapi import document
from session_service.http.operations import OPERATIONS, Operation

from . import servers
from .deliberate import TABLE
from .examples import EXAMPLES
from .exchange import Request
from .postgres import Postgres
from .servers import ROOT, Server, Servers

HTTP = ROOT / "service/session_service/http"
ROW = re.compile(r"^\| `([a-z-]+)` \| (\d{3}) \| (every|with a body|of sessions) \|", re.MULTILINE)
# What AgentOS answers too, by the recorded exchanges; 429 by test_service_accounts. Its 503 is about media alone.
RECORDED = {
    each["response"]["status"]
    for example in EXAMPLES
    for each in (example, *example.get("before", ()), *example.get("after", ()))
}
OF_AGENTOS = (RECORDED | {429}) - {503}
# not in the description: it is of paths, methods and bugs
UNDESCRIBED = {405, 500}


def statuses(module: Path) -> Iterator[int]:
    """What the code of a module answers: in an ApiError, or as bytes."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ApiError":
            if isinstance(node.args[0], ast.Constant):
                yield int(node.args[0].value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            yield from map(int, re.findall(rb"^HTTP/1.1 ([2-5]\d\d)", node.value))


EARLY = {status for name in ("parser.py", "connection.py") for status in statuses(HTTP / name)}


def described(method: str, template: str) -> set[int]:
    """The statuses of a route by the description of the API."""
    return {int(status) for status in document("1")["paths"][template][method.lower()]["responses"]}


def covers(scope: str, operation: Operation) -> bool:
    """Whether a row of the table is about an operation."""
    return {
        "every": True,
        "with a body": operation.body is not None,
        "of sessions": operation.tag == "Sessions",
    }[scope]


def test_every_status_in_the_code_is_described_or_comes_before_a_route() -> None:
    in_code = {status for module in HTTP.glob("*.py") for status in statuses(module)}
    anywhere = set().union(*(described(*route) for route in OPERATIONS))

    assert in_code - anywhere - EARLY == UNDESCRIBED


@pytest.mark.parametrize("route", [route for route in OPERATIONS if not route[1].startswith("/healthz")], ids=" ".join)
def test_the_table_has_what_a_route_can_answer_and_agentos_does_not(route: tuple[str, str]) -> None:
    table = TABLE.read_text()
    told = {int(status) for _, status, scope in ROW.findall(table) if covers(scope, OPERATIONS[route])}

    assert (described(*route) | EARLY) - OF_AGENTOS == told


def test_a_long_url_and_large_headers_are_refused(
    agentos: Servers, service: Servers
) -> None:  # long-url, large-headers
    long_url = Request("GET", "/health?" + "a" * 20_000)
    large_headers = Request("GET", "/health", {"X-Large": "a" * 40_000})
    for request, status in ((long_url, 414), (large_headers, 431)):
        assert agentos["v3", "open"].ask(request).status == 200
        assert service["v3", "open"].ask(request).status == status


def test_a_large_body_is_refused(agentos: Servers, service: Servers) -> None:  # large-body
    body = json.dumps({"session_id": "large", "session_state": {"text": "a" * (33 << 20)}})
    request = Request("POST", "/sessions", {"Content-Type": "application/json"}, body=body)

    assert agentos["v3", "open"].fresh().ask(request).status == 201
    connection = HTTPConnection("127.0.0.1", service["v3", "open"].port, timeout=60)
    connection.putrequest("POST", "/sessions")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()  # it is refused before it is sent
    assert connection.getresponse().status == 413
    connection.close()


def test_a_request_that_takes_long_to_arrive_is_refused(agentos: Servers, service: Servers) -> None:  # slow-request
    slow = {}
    for name, server in (("agentos", agentos["v3", "open"]), ("service", service["v3", "open"])):
        slow[name] = socket.create_connection(("127.0.0.1", server.port), timeout=120)
        slow[name].sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n")

    assert slow["service"].recv(1024).startswith(b"HTTP/1.1 408 ")
    slow["agentos"].sendall(b"Connection: close\r\n\r\n")  # by now it has waited as long
    assert slow["agentos"].recv(1024).startswith(b"HTTP/1.1 200 ")
    for each in slow.values():
        each.close()


def test_a_request_that_takes_long_to_answer_is_given_up(  # request-timeout
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agentos: Servers
) -> None:
    monkeypatch.setitem(servers.MODES, "hurried", {"AGNO_REQUEST_TIMEOUT_SECONDS": "1"})
    with servers.service(postgres, tmp_path, "slow", [("v3", "hurried")]) as running:
        found: dict[str, int] = {}

        def ask(name: str, server: Server) -> None:
            found[name] = server.ask(Request("GET", "/sessions")).status

        pair = {"service": running["v3", "hurried"], "agentos": agentos["v3", "open"].fresh()}
        locks = [psycopg2.connect(server.database.dsn) for server in pair.values()]
        for lock in locks:
            lock.cursor().execute("LOCK TABLE ai.agno_sessions")
        asking = {name: threading.Thread(target=ask, args=(name, server)) for name, server in pair.items()}
        for thread in asking.values():
            thread.start()
        asking["service"].join()
        assert found == {"service": 504}
        for lock in locks:
            lock.close()
        asking["agentos"].join()
        assert found == {"service": 504, "agentos": 200}
