"""One database that hangs takes none of the others along."""

import asyncio
import json

import aiohttp

from .process import serving

PATIENCE = 8


async def test_a_frozen_database_holds_up_nobody_else_and_serves_again_when_it_thaws(v3, own_server):
    v3.session("a")
    own_server.run(
        f"CREATE SCHEMA ai; CREATE TABLE ai.agno_sessions ({v3_columns(v3)}); INSERT INTO ai.agno_sessions "
        "(session_id, session_type, created_at) VALUES ('b', 'agent', 1)"
    )
    databases = {"well": v3.dsn, "frozen": own_server.dsn()}
    async with (
        serving(AGNO_SESSION_DSN_MAP=json.dumps(databases)) as service,
        aiohttp.ClientSession(service.url) as client,
    ):
        # connections are open, so that statements hang as well as connects
        await asyncio.gather(*(names(client, "frozen") for _ in range(4)))
        own_server.freeze()
        hanging = [asyncio.create_task(names(client, "frozen")) for _ in range(20)]
        leaving = [asyncio.create_task(names(client, "frozen")) for _ in range(8)]
        await asyncio.sleep(0)
        for round in range(40):
            # the deadlines of the frozen one are longer than this
            async with asyncio.timeout(PATIENCE):
                assert await names(client, "well") == (200, ["a"])
                async with client.get("/healthz/ready") as answer:
                    assert answer.status == 200
            if round == 20:
                for client_that_leaves in leaving:
                    client_that_leaves.cancel()
        own_server.thaw()
        for status, _ in await asyncio.gather(*hanging):
            assert status in {200, 503}
        assert await names(client, "frozen") == (200, ["b"])


def v3_columns(agno):
    """The columns of the sessions table, as DDL."""
    rows = agno.run(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'ai.agno_sessions'::regclass AND attnum > 0 ORDER BY attnum"
    )
    return ", ".join(" ".join(row) for row in rows)


async def names(client, db_id):
    async with client.get("/sessions", params={"db_id": db_id}) as answer:
        body = await answer.json()
        return answer.status, [row["session_id"] for row in body.get("data", [])]
