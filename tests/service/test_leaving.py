"""A client that leaves takes its statement along: the command as it is installed, with no limit that ends it anyway."""

import asyncio
import json

import aiohttp
import psycopg2
import pytest

from .process import serving
from .waiting import until

LONG = 3600
ROUTES = [
    ("GET", "/sessions", None),
    ("GET", "/sessions/a", None),
    ("GET", "/sessions/a/runs", None),
    ("GET", "/sessions/a/run-previews", None),
    ("GET", "/sessions/a/runs/r", None),
    ("POST", "/sessions", {}),
    ("POST", "/sessions/a/rename", {"session_name": "n"}),
    ("PATCH", "/sessions/a", {}),
    ("DELETE", "/sessions/a", None),
    ("DELETE", "/sessions", {"session_ids": ["a"], "session_types": ["agent"]}),
]


# what waits for a lock, but for the prober, which waits for it too
HANGING = """SELECT query FROM pg_stat_activity
    WHERE datname = %s AND wait_event_type = 'Lock' AND query !~ '^\\s*SELECT has_table_privilege'"""


@pytest.fixture
def stranger(v3):
    """A connection of somebody else."""
    connection = psycopg2.connect(v3.dsn)
    yield connection
    connection.close()


async def test_a_client_that_leaves_ends_its_statement(v3, stranger):
    def hanging():
        return v3.server.run(HANGING, v3.name)

    v3.session("a")
    v3.add_run("a", "r")
    databases = {"main": {"dsn": v3.dsn, "statementTimeoutSeconds": LONG}}
    variables = {"AGNO_SESSION_DSN_MAP": json.dumps(databases), "AGNO_REQUEST_TIMEOUT_SECONDS": str(LONG)}
    async with serving(**variables) as service, aiohttp.ClientSession(service.url) as client:
        async with client.get("/sessions/a/runs") as answer:  # from here on the layout is known
            assert answer.status == 200
        stranger.cursor().execute("LOCK TABLE ai.agno_sessions IN ACCESS EXCLUSIVE MODE")
        for method, path, body in ROUTES:
            asking = asyncio.create_task(client.request(method, path, json=body))
            await until(hanging)
            asking.cancel()
            await until(lambda: not hanging())
            assert asking.cancelled(), f"{method} {path} was answered"
        stranger.rollback()
        assert v3.ids("ai.agno_sessions") == ["a"]
