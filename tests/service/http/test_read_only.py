"""Requests that only read, on a read-only replica."""

import pytest

from tests.service.agno import Agno
from tests.service.http.test_health import probed
from tests.service.postgres import standby

TABLE = """CREATE SCHEMA ai; CREATE TABLE ai.agno_sessions (session_id varchar PRIMARY KEY, session_type varchar,
    agent_id varchar, team_id varchar, workflow_id varchar, user_id varchar, session_data jsonb, agent_data jsonb,
    team_data jsonb, workflow_data jsonb, metadata jsonb, summary jsonb, created_at bigint, updated_at bigint)"""

READS = ("/sessions", "/sessions/a", "/sessions/a/runs", "/sessions/a/run-previews")
WRITES = (
    ("POST", "/sessions", {}),
    ("POST", "/sessions/a/rename", {"session_name": "n"}),
    ("PATCH", "/sessions/a", {}),
    ("DELETE", "/sessions/a", None),
    ("DELETE", "/sessions", {"session_ids": ["a"], "session_types": ["agent"]}),
)


@pytest.fixture
def primary(own_server):
    own_server.run(TABLE)
    agno = Agno(own_server, "postgres")
    agno.session("a")
    return agno


async def test_while_the_primary_is_away_reads_go_on_and_writes_are_told_to_come_back(primary, serve):
    with standby(primary.server) as server:
        client = await serve({"main": {"dsn": primary.dsn, "readOnlyDsn": server.dsn()}})
        await state(client, "serving")
        primary.server.stop()
        for _ in range(2):
            for path in READS:
                assert (await client.get(path)).status == 200
            for method, path, body in WRITES:
                answer = await client.request(method, path, json=body)
                assert (method, path, answer.status) == (method, path, 503)
                assert answer.headers["Retry-After"].isdigit()
            # the replica alone keeps the pod ready
            status, body = await probed(client, "/healthz/ready")
            assert (status, body["databases"][0]["state"]) == (200, "unreachable")
        assert (await (await client.get("/sessions")).json())["meta"]["total_count"] == 1


async def test_a_replica_that_goes_away_is_noticed_by_nobody(primary, serve):
    with standby(primary.server) as server:
        client = await serve({"main": {"dsn": primary.dsn, "readOnlyDsn": server.dsn()}})
        await state(client, "serving")
        server.stop()
        for path in READS:
            assert (await client.get(path)).status == 200
        await state(client, "unreachable")
        for path in READS:
            assert (await client.get(path)).status == 200


async def test_a_replica_that_refuses_us_keeps_no_pod_out(v3, serve):
    client = await serve({"main": {"dsn": v3.dsn, "readOnlyDsn": v3.server.dsn("nowhere")}})
    await state(client, "refused")
    assert (await client.get("/sessions")).status == 200
    assert (await probed(client, "/healthz/startup"))[0] == 200


async def state(client, expected):
    """Wait until the probe tells this state of the replica."""
    found = None
    while found != expected:
        _, body = await probed(client, "/healthz/ready")
        found = body["databases"][0].get("replica")
