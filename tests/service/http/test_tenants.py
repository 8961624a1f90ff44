"""Tenants by database: the claim of a token limits and defaults the database ids that its holder reaches."""

import json
from itertools import product

import jwt
import psycopg2
import pytest

KEY = "canary-key-of-tenants-that-is-long-enough-0123456789"
DATABASES = ("db-a", "db-b", "db-c")
UNKNOWN = "db-x"
VARIABLES = {
    "JWT_VERIFICATION_KEY": KEY,
    "AGNO_JWT_ALGORITHM": "HS256",
    "AGNO_AUTHORIZATION": "true",
    "AGNO_USER_ISOLATION": "false",
    "AGNO_JWT_DATABASES_CLAIM": "https://example.com/databases",
}
SCOPES = ["sessions:read", "sessions:write", "sessions:delete"]
ABSENT = object()

# the claim, and the ids that it opens, the default first
CLAIMS = {
    "text": ("db-b", ["db-b"]),
    "list": (["db-c", "db-a"], ["db-c", "db-a"]),
    "unknown first": ([UNKNOWN, "", "db-b", "db-a", "db-b"], ["db-b", "db-a"]),
    "no claim": (ABSENT, []),
    "another shape": ({"db-a": True}, []),
}
MORE_CLAIMS = {
    "unknown alone": (["db-x"], []),
    "null": (None, []),
    "empty": ([], []),
    "empty text": ("", []),
    "words in a text": ("db-a,db-b db-c", []),
    "a number": (1, []),
    "a number among texts": (["db-a", 1], []),
    "a list in a list": ([["db-a"]], []),
    "true": (True, []),
    "other case": ("DB-A", []),
    "with a blank": (" db-a", []),
}
ROUTES = {
    "list": ("GET", "/sessions", None),
    "create": ("POST", "/sessions", {"session_id": "new"}),
    "import": ("POST", "/sessions", {"session_id": "new", "runs": [{"run_id": "new-run"}]}),
    "bulk delete": ("DELETE", "/sessions", {"session_ids": ["s"], "session_types": ["agent"]}),
    "detail": ("GET", "/sessions/s", None),
    "patch": ("PATCH", "/sessions/s", {"session_name": "patched"}),
    "delete": ("DELETE", "/sessions/s", None),
    "rename": ("POST", "/sessions/s/rename", {"session_name": "renamed"}),
    "runs": ("GET", "/sessions/s/runs", None),
    "previews": ("GET", "/sessions/s/run-previews", None),
    "run": ("GET", "/sessions/s/runs/r", None),
}
NONE = (403, "Authenticated request is missing a database")


def bearer(claim, scopes=SCOPES):
    claims = {"sub": "alice", "scopes": scopes} | (
        {} if claim is ABSENT else {VARIABLES["AGNO_JWT_DATABASES_CLAIM"]: claim}
    )
    return {"Authorization": f"Bearer {jwt.encode(claims, KEY, 'HS256')}"}


class Rows:
    """The rows of each database, over one connection to each: what they are, and what they were at first."""

    def __init__(self, databases):
        self._connections = {id: psycopg2.connect(agno.dsn) for id, agno in databases.items()}
        for id, connection in self._connections.items():
            connection.autocommit = True
            databases[id].session("s", session_data={"session_name": f"of {id}"}, agent_id=f"of {id}")
            databases[id].add_run("s", "r", content=f"of {id}", status="COMPLETED")
            self._run(id, "CREATE SCHEMA first; CREATE TABLE first.agno_sessions AS TABLE ai.agno_sessions")
            self._run(id, "CREATE TABLE first.agno_runs AS TABLE ai.agno_runs")
        self._first = {id: self._now(id) for id in DATABASES}

    def _run(self, id, statement):
        cursor = self._connections[id].cursor()
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

    def _now(self, id):
        return self._run(id, "SELECT s::text FROM ai.agno_sessions s UNION ALL SELECT r::text FROM ai.agno_runs r")

    def changed(self):
        """The ids whose rows have changed; they are as at first again."""
        found = {id for id in DATABASES if self._now(id) != self._first[id]}
        for id in found:
            self._run(id, "TRUNCATE ai.agno_sessions, ai.agno_runs CASCADE")
            for table in ("agno_sessions", "agno_runs"):
                self._run(id, f"INSERT INTO ai.{table} TABLE first.{table}")
        return found

    def close(self):
        for connection in self._connections.values():
            connection.close()


@pytest.fixture
def databases(new_agno):
    return {id: new_agno("v3") for id in DATABASES}


@pytest.fixture
def rows(databases):
    found = Rows(databases)
    yield found
    found.close()


@pytest.fixture
def serve_all(databases, rows, serve):
    async def start(**variables):
        return await serve({id: agno.dsn for id, agno in databases.items()}, **VARIABLES, **variables)

    return start


async def ask(client, route, headers, **query):
    method, path, body = ROUTES[route]
    answer = await client.request(method, path, params=query, json=body, headers=headers)
    kept = {name: value for name, value in answer.headers.items() if name not in {"X-Request-ID", "Server-Timing"}}
    return answer.status, {**kept, "Date": ""}, await answer.text()


def refusal(answer):
    status, _, body = answer
    return status, json.loads(body)["detail"]


async def hold(client, rows, route, claims):
    """Ask for each database, and none, by each claim: those that it opens answer, all others are unknown."""
    reads = ROUTES[route][0] == "GET"
    for (tenant, (claim, reached)), db_id in product(claims.items(), (None, *DATABASES)):
        headers, query = bearer(claim), {} if db_id is None else {"db_id": db_id}
        answer = await ask(client, route, headers, **query)
        changed = rows.changed()
        meant = db_id or next(iter(reached), None)
        where = (tenant, db_id, answer)
        if meant in reached:
            assert answer[0] in (200, 201, 204), where
            assert changed == (set() if reads else {meant}), where
            assert not any(f"of {id}" in answer[2] for id in DATABASES if id != meant), where
            assert f"of {meant}" in answer[2] or not reads, where
            continue
        assert not changed, where
        if db_id is None:
            assert refusal(answer) == NONE, where
        else:
            assert refusal(answer) == (404, f"No database found with id '{db_id}'"), where
            unknown = await ask(client, route, headers, db_id=UNKNOWN)
            assert answer == (unknown[0], unknown[1], unknown[2].replace(UNKNOWN, db_id)), where


@pytest.mark.parametrize("route", ROUTES)
async def test_a_tenant_reaches_its_databases_and_is_told_of_others_as_of_unknown_ones(route, rows, serve_all):
    await hold(await serve_all(), rows, route, CLAIMS)


async def test_a_claim_of_any_other_shape_opens_nothing(rows, serve_all):
    await hold(await serve_all(), rows, "detail", MORE_CLAIMS)


async def test_a_foreign_database_is_unknown_with_a_table_too(rows, serve_all):
    client, headers = await serve_all(), bearer("db-b")
    routes = [route for route in ROUTES if route not in ("create", "import")]
    for route, table in product(routes, ("agno_sessions", "agno_memories", "nope")):
        foreign, unknown = [await ask(client, route, headers, db_id=id, table=table) for id in ("db-a", UNKNOWN)]
        assert refusal(foreign) == (404, "No database found with id 'db-a'")
        assert foreign == (unknown[0], unknown[1], unknown[2].replace(UNKNOWN, "db-a"))
    assert not rows.changed()


async def test_the_admin_scope_reaches_all_by_the_default_of_the_map(serve_all):
    client = await serve_all()
    for claim in (ABSENT, "db-b", []):
        headers = bearer(claim, ["agent_os:admin"])
        for db_id, meant in [(None, "db-a"), *zip(DATABASES, DATABASES, strict=True)]:
            answer = await ask(client, "detail", headers, **({} if db_id is None else {"db_id": db_id}))
            assert (answer[0], f"of {meant}" in answer[2]) == (200, True)


async def test_the_first_of_the_claim_is_the_default_whatever_the_default_of_the_map(serve_all):
    client = await serve_all(AGNO_DEFAULT_DB_ID="db-b")
    for claim, meant in [(["db-c", "db-b"], "db-c"), (["db-a", "db-b", "db-c"], "db-a"), ("db-b", "db-b")]:
        answer = await ask(client, "detail", bearer(claim))
        assert (answer[0], f"of {meant}" in answer[2]) == (200, True)


async def test_only_the_databases_of_the_caller_count_where_an_id_is_asked_for(serve_all):
    client = await serve_all(AGNO_REQUIRE_DB_ID="true")
    asked_for = (400, "The db_id query parameter is required when using multiple databases")
    assert (await ask(client, "list", bearer("db-b")))[0] == 200
    assert (await ask(client, "list", bearer([UNKNOWN, "db-b"])))[0] == 200
    assert refusal(await ask(client, "list", bearer(["db-b", "db-a"]))) == asked_for
    assert refusal(await ask(client, "list", bearer("db-b", ["agent_os:admin"]))) == asked_for
    assert refusal(await ask(client, "list", bearer([]))) == NONE


async def test_the_outage_of_a_database_is_told_of_by_its_own_id(databases, serve):
    gone = "host=/nonexistent dbname=gone"
    client = await serve({"db-a": databases["db-a"].dsn, "db-b": gone, "db-c": gone}, **VARIABLES)
    for query in ({}, {"db_id": "db-b"}, {"db_id": "db-b", "table": "agno_memories"}):
        status, detail = refusal(await ask(client, "list", bearer(["db-b", "db-a"]), **query))
        assert (status, detail.partition(" (")[0]) == (503, "Database 'db-b' is unavailable")


async def test_health_names_no_database(serve_all):
    client = await serve_all()
    for path in ("/health", "/healthz"):
        assert "db-" not in await (await client.get(path)).text()
