"""What the service answers where it differs from AgentOS on purpose: every row of docs/reference/differences.md."""

import contextlib
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import jwt
import pytest

from . import servers
from .deliberate import CASES, NAMES, OF_EXAMPLES, RULED
from .examples import EXAMPLES, Example, replay, request
from .exchange import Request
from .postgres import Database, Postgres
from .servers import Servers
from .tally import Tally, route

ORIGIN = "http://localhost:3000"
HOME = {"name", "health", "info", "docs"}
LIST = Request("GET", "/sessions", headers={"Origin": ORIGIN})
RECORDED = {example["name"] for example in EXAMPLES}
NEW = [case for case in CASES if case["name"] not in RECORDED]  # the others replace what an example expects
IN_PYTHON = {
    *("ties", "two-creates", "two-patches", "sort-by-json", "outage", "failed-without-cors", "large-answers"),
    *("safe-by-default", "noted-use", "home", "docs", "description"),
    "unread-answers",
    "small-chunks",
    "odd-escape",
    # test_refusals
    *("slow-request", "large-body", "long-url", "large-headers", "request-timeout"),
    # test_extent
    *("checked-import", "default-database", "other-routes", "probes", "answer-headers", "no-http"),
    *("long-input", "many-problems"),
}

every_new_case = pytest.mark.parametrize("case", NEW, ids=[case["name"] for case in NEW])


def test_every_row_of_the_table_is_asserted_and_every_assertion_has_its_row() -> None:
    asserted = [case["difference"] for case in CASES]
    assert sorted({*asserted, *IN_PYTHON, *RULED}) == sorted(NAMES)
    assert len(OF_EXAMPLES) == len(CASES)
    assert not IN_PYTHON & set(asserted)


@every_new_case
def test_the_service_answers_as_the_table_says(case: Example, service: Servers, tally: Tally) -> None:
    found = replay(case, service[case["setup"], case["server"]])
    tally.note("service", route(request(case["request"])), same=not found, deliberate=True)
    assert not found, "\n".join(found)


@every_new_case
def test_agentos_does_not(case: Example, agentos: Servers) -> None:
    assert replay(case, agentos[case["setup"], case["server"]])


@pytest.mark.parametrize("sort_by", ["session_type", "nothing"])
def test_pages_of_rows_with_equal_sort_keys_do_not_overlap(service: Servers, sort_by: str) -> None:  # ties
    server = service["v3", "open"].fresh()
    paths = [f"/sessions?sort_by={sort_by}&limit=4&page={page}" for page in range(1, 8)]
    seen = [row for path in paths for row in server.ask(Request("GET", path)).body["data"]]
    assert len(seen) == 25
    assert len({row["session_id"] for row in seen}) == 25
    if sort_by == "nothing":
        created = [row["created_at"] for row in seen]
        assert created == sorted(created, reverse=True)


def test_of_two_creates_at_a_time_one_is_told_that_the_id_is_taken(service: Servers) -> None:  # two-creates
    server = service["v3", "open"].fresh()
    creates = [Request("POST", "/sessions", json={"session_id": "new-1", "session_name": str(n)}) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(server.ask, creates))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 11
    [won] = [answer.body["session_name"] for answer in answers if answer.status == 201]
    assert server.ask(Request("GET", "/sessions/new-1")).body["session_name"] == won


def test_of_two_patches_at_a_time_none_is_lost(service: Servers) -> None:  # two-patches
    server = service["v3", "open"].fresh()
    for n in range(10):
        bodies = [{"session_name": f"n{n}"}, {"session_state": {"n": n}}, {"metadata": {"n": n}}]
        with ThreadPoolExecutor(3) as pool:
            answers = list(
                pool.map(server.ask, [Request("PATCH", "/sessions/a-weather", json=body) for body in bodies])
            )
        assert [answer.status for answer in answers] == [200] * 3
        now = server.ask(Request("GET", "/sessions/a-weather")).body
        assert (now["session_name"], now["session_state"], now["metadata"]) == (f"n{n}", {"n": n}, {"n": n})


def test_a_column_of_type_json_sorts_like_an_unknown_one(postgres: Postgres, tmp_path: Path) -> None:  # sort-by-json
    columns = ("session_data", "metadata", "runs", "summary")
    to_json = "ALTER TABLE ai.agno_sessions " + ", ".join(f"ALTER COLUMN {column} TYPE json" for column in columns)
    with servers.service(postgres, tmp_path, "json", [("v2", "open")], to_json) as running:
        for column in columns:
            answer = running["v2", "open"].ask(Request("GET", f"/sessions?limit=100&sort_by={column}"))
            assert (answer.status, len(answer.body["data"])) == (200, 25)


def test_an_escape_that_is_no_character_costs_no_more_than_itself(  # odd-escape
    postgres: Postgres, tmp_path: Path
) -> None:
    deep = "[" * 1500 + "]" * 1500
    session_data = rf'{{"session_name": "a\ud800", "session_state": {{"deep": {deep}, "nul": "\u0000"}}}}'
    odd = f"""ALTER TABLE ai.agno_sessions ALTER session_data TYPE json;
        UPDATE ai.agno_sessions SET session_data = '{session_data}' WHERE session_id = 'a-weather'"""
    with servers.service(postgres, tmp_path, "escape", [("v2", "open")], odd) as running:
        server = running["v2", "open"]
        assert len(server.ask(Request("GET", "/sessions?limit=100")).content.split('"session_id"')) == 26
        for path in ("/sessions/a-weather", "/sessions?limit=100"):
            shown = server.ask(Request("GET", path)).content
            assert '"session_name":"a\ufffd"' in shown
            assert f'{{"deep": {deep}, "nul": "\\u0000"}}' in shown


def test_a_large_answer_is_compressed_where_the_client_asks(service: Servers) -> None:  # large-answers
    server = service["v3", "open"].fresh()
    large = {"session_id": "large", "session_state": {"text": "many words " * 4000}}
    assert server.ask(Request("POST", "/sessions", json=large)).status == 201
    plain = server.ask(Request("GET", "/sessions/large"))
    assert (plain.headers["vary"], plain.headers.get("content-encoding")) == ("Origin, Accept-Encoding", None)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/sessions/large", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.read()).decode() == plain.content
    connection.close()


def test_a_rename_of_more_than_a_mebibyte_is_refused(service: Servers, agentos: Servers) -> None:  # large-body
    rename = Request("POST", "/sessions/nobody/rename", json={"session_name": "x" * 2**20})
    assert service["v3", "open"].ask(rename).status == 413
    assert agentos["v3", "open"].ask(rename).status == 404


def test_a_refusal_repeats_the_beginning_of_a_long_value(service: Servers, agentos: Servers) -> None:  # long-input
    create = Request("POST", "/sessions", json={"session_id": ["word"] * 1000})
    [ours] = service["v3", "open"].ask(create).body["detail"]
    [theirs] = agentos["v3", "open"].ask(create).body["detail"]
    assert ours | {"input": None} == theirs | {"input": None}
    assert theirs["input"] == ["word"] * 1000
    assert ours["input"] == json.dumps(theirs["input"])[:4096]


def test_a_refusal_tells_a_hundred_problems_of_a_list(service: Servers, agentos: Servers) -> None:  # many-problems
    delete = Request("DELETE", "/sessions", json={"session_ids": [1] * 101, "session_types": ["agent"]})
    ours, theirs = (servers["v3", "open"].ask(delete).body["detail"] for servers in (service, agentos))
    assert len(theirs) == 101
    assert ours == theirs[:100]


def test_answers_that_are_not_read_leave_no_room_for_others(  # unread-answers
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(servers.MODES, "little", {**servers.MODES["open"], "AGNO_MAX_ANSWER_BYTES": "1"})
    with servers.service(postgres, tmp_path, "unread", [("v3", "little")]) as running:
        server = running["v3", "little"]
        long = {"session_id": "long", "session_state": {"text": "many words " * 2_000_000}}
        assert server.ask(Request("POST", "/sessions", json=long)).status == 201
        with contextlib.closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            connection.request("GET", "/sessions/long")
            assert connection.getresponse().status == 200
            refused = server.ask(Request("PATCH", "/sessions/long", json={"session_name": "new"}))
            assert (refused.status, refused.headers["retry-after"]) == (503, "5")
            assert server.ask(Request("GET", "/sessions?limit=1&page=2")).status == 200


def test_chunks_with_more_framing_than_body_are_refused(service: Servers) -> None:  # small-chunks
    server = service["v3", "open"].fresh()
    body = json.dumps({"session_id": "small", "metadata": {"text": "a" * 20_000}}).encode()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        chunks = (body[place : place + 1] for place in range(len(body)))
        connection.request("POST", "/sessions", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == 400
        assert b"more framing than body" in answer.read()
    assert server.ask(Request("GET", "/sessions/small")).status == 404


def test_a_key_for_tokens_alone_opens_what_a_token_says_and_no_more(  # safe-by-default
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsaid = {
        name: text for name, text in servers.JWT.items() if name not in ("AGNO_AUTHORIZATION", "AGNO_USER_ISOLATION")
    }
    off = {"AGNO_AUTHORIZATION": "false", "AGNO_USER_ISOLATION": "false"}
    monkeypatch.setitem(servers.MODES, "key_for_tokens", unsaid)
    monkeypatch.setitem(servers.MODES, "turned_off", unsaid | off)
    modes = [("v3", "key_for_tokens"), ("v3", "turned_off")]

    with servers.service(postgres, tmp_path, "safe", modes) as running:
        safe, turned_off = (running[mode] for mode in modes)
        reader, nobody = ({"sub": "alice", "scopes": ["sessions:read"]}, {"sub": "nobody"})

        def owners(server: servers.Server, claims: dict[str, object]) -> list[str | None] | int:
            answer = server.ask(Request("GET", "/sessions?limit=100", bearer(claims)))
            return [row.get("user_id") for row in answer.body["data"]] if answer.status == 200 else answer.status

        everybodys = owners(turned_off, nobody)
        assert isinstance(everybodys, list)
        assert set(everybodys) > {None, "alice", "bob"}
        assert owners(safe, nobody) == 403
        assert owners(safe, reader) == [owner for owner in everybodys if owner == "alice"]
        delete = Request("DELETE", "/sessions/a-weather", bearer(reader))
        assert (safe.ask(delete).status, turned_off.ask(delete).status) == (403, 204)


def test_the_first_page_and_the_description_are_of_this_service(service: Servers, agentos: Servers) -> None:
    """What `home`, `docs` and `description` say."""
    ours, theirs = service["v3", "key"], agentos["v3", "key"]
    for server, members in ((ours, {"name", "description", "version", "docs", "openapi", "health"}), (theirs, HOME)):
        answer = server.ask(Request("GET", "/"))
        assert (answer.status, answer.body.keys()) == (200, members)
    page = ours.ask(Request("GET", "/", {"Accept": "text/html"}))
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    of_docs = [server.ask(Request("GET", "/docs")) for server in (ours, theirs)]
    assert [answer.status for answer in of_docs] == [200, 200]
    assert ["https://" in answer.content for answer in of_docs] == [False, True]
    assert ["content-security-policy" in answer.headers for answer in of_docs] == [True, False]
    described, all_routes = (server.ask(Request("GET", "/openapi.json")).body["paths"] for server in (ours, theirs))
    probes = {"/healthz", "/healthz/startup", "/healthz/ready"}
    of_sessions = {path for path in all_routes if path.startswith(("/health", "/sessions"))}
    assert described.keys() - probes == of_sessions - {"/sessions/{session_id}/media/{storage_key}"}


def bearer(claims: dict[str, object]) -> dict[str, str]:
    """The header of a caller with a token of these claims."""
    return {"Authorization": f"Bearer {jwt.encode(claims, servers.JWT['JWT_VERIFICATION_KEY'], 'HS256')}"}


def test_a_database_that_is_away_is_said_to_be_away(postgres: Postgres, tmp_path: Path) -> None:  # outage
    with servers.service(postgres, tmp_path, "away", [("v3", "open")]) as running:
        server, admin = running["v3", "open"], Database(postgres.admin)
        assert server.ask(LIST).status == 200
        admin.run('ALTER DATABASE "away_v3_open" ALLOW_CONNECTIONS false')
        admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away_v3_open'")
        refusals = [server.ask(LIST), server.ask(Request("PATCH", "/sessions/a-weather", LIST.headers, {}))]
        admin.run('ALTER DATABASE "away_v3_open" ALLOW_CONNECTIONS true')
        assert [answer.status for answer in refusals] == [503, 503]
        for answer in refusals:
            assert answer.headers["retry-after"].isdigit()
            assert "main" in answer.body["detail"]
            assert answer.headers["access-control-allow-origin"] == ORIGIN  # failed-without-cors
            assert answer.headers.get("connection", "keep-alive") != "close"
