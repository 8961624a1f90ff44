"""The connection on uvloop, whose readers and writers behave differently from asyncio's own (aiopg#909)."""

import asyncio

import pytest
import uvloop

from session_service.database.connecting import connect
from session_service.database.dsn import Dsn
from session_service.database.errors import Unavailable
from tests.service.waiting import until


@pytest.fixture
def on_uvloop():
    """Runs a coroutine to its end on a uvloop of its own."""

    def run(main):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)

    return run


async def rows(connection, sql):
    return await connection.fetch(sql)


def test_refused_connections_leave_the_loop_in_order(v3, free_port, on_uvloop, caplog):
    nobody = Dsn.parse(v3.server.dsn(v3.name, host="127.0.0.1", port=str(free_port)))

    async def alternate():
        for _ in range(6):
            with pytest.raises(Unavailable):
                await connect(nobody, 30)
            connection = await connect(Dsn.parse(v3.dsn), 30)
            assert await rows(connection, "SELECT 1") == [(1,)]
            connection._close()

    on_uvloop(alternate())
    assert [record for record in caplog.records if record.name == "asyncio"] == []


def test_a_cancelled_statement_ends_and_its_connection_stays_in_use(v3, on_uvloop):
    async def cancel():
        connection = await connect(Dsn.parse(v3.dsn), 30)
        for _ in range(5):
            caller = asyncio.create_task(rows(connection, "SELECT pg_sleep(60)"))
            await until(lambda: [state for _, state, _ in v3.backends() if state == "active"])
            caller.cancel()
            await asyncio.wait([caller])
            await connection.abandoning
            assert await rows(connection, "SELECT 2") == [(2,)]
        connection._close()

    on_uvloop(cancel())


def test_a_killed_backend_is_an_error_and_the_next_connection_works(v3, on_uvloop):
    async def kill():
        for _ in range(3):
            connection = await connect(Dsn.parse(v3.dsn), 30)
            v3.terminate_backends()
            with pytest.raises(Exception, match=r"terminat|closed"):
                await rows(connection, "SELECT 1")
            connection._close()
        connection = await connect(Dsn.parse(v3.dsn), 30)
        large = "SELECT repeat('x', 20000000)::varchar"
        assert len((await rows(connection, large))[0][0]) == 20_000_000
        connection._close()

    on_uvloop(kill())
