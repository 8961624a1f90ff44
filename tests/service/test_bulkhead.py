"""One database that hangs takes none of the others along."""

import asyncio
import json

import aiohttp
import pytest

from .process import serving
from .waiting import until

ROUNDS = 200

pytestmark = pytest.mark.timeout(180)


async def test_a_frozen_database_holds_up_nobody_else_and_serves_again_when_it_thaws(v3, new_agno, own_server):
    v3.session("a")
    own_server.run(
        f"CREATE SCHEMA ai; CREATE TABLE ai.agno_sessions ({v3_columns(v3)}); INSERT INTO ai.agno_sessions "
        "(session_id, session_type, created_at) VALUES ('b', 'agent', 1)"
    )

    def service(dsn):
        databases = {"well": v3.dsn, "frozen": {"dsn": dsn, "statementTimeoutSeconds": 3600}}
        return serving(AGNO_SESSION_DSN_MAP=json.dumps(databases), AGNO_REQUEST_TIMEOUT_SECONDS="3600")

    async with (
        service(own_server.dsn()) as subject,
        service(new_agno("v3").dsn) as control,
        aiohttp.ClientSession(subject.url) as client,
        aiohttp.ClientSession(control.url) as other,
    ):
        # connections are open, so that statements hang as well as connects
        await asyncio.gather(*(names(client, "frozen") for _ in range(4)))
        own_server.freeze()
        staying = [asyncio.create_task(insist(client)) for _ in range(20)]
        leaving = [asyncio.create_task(insist(client)) for _ in range(8)]
        async with asyncio.TaskGroup() as both:
            pace, control_pace = Pace(), Pace()
            clients = [both.create_task(pace.keep_asking(client)), both.create_task(control_pace.keep_asking(other))]
            await until(lambda: control_pace.rounds >= ROUNDS // 2, seconds=60)
            for client_that_leaves in leaving:
                client_that_leaves.cancel()
            await until(lambda: control_pace.rounds >= ROUNDS, seconds=60)
            for each in clients:
                each.cancel()
        print(f"{pace.rounds} rounds beside a frozen database, {control_pace.rounds} beside one that is well")
        # the machine is as busy for the one as for the other
        assert pace.rounds > control_pace.rounds / 3
        assert not any(task.done() for task in staying)
        own_server.thaw()
        await asyncio.gather(*staying)


async def insist(client):
    """Ask the frozen database until it answers."""
    while (answer := await names(client, "frozen")) != (200, ["b"]):
        assert answer == (503, [])
        await asyncio.sleep(1)


class Pace:
    """How often a client was served by the database that is well, one request after the other."""

    def __init__(self):
        self.rounds = 0

    async def keep_asking(self, client):
        while True:
            assert await names(client, "well") == (200, ["a"])
            async with client.get("/healthz/ready") as answer:
                assert answer.status == 200
            self.rounds += 1


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
