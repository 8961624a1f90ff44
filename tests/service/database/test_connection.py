"""One connection: cancelled callers, statements that take too long, many descriptors, servers that die or freeze."""

import asyncio
import os
import resource
import signal
import time
from contextlib import suppress

import psutil
import pytest

from session_service.database.connecting import connect
from session_service.database.connection import Connection
from session_service.database.dsn import Dsn
from session_service.database.errors import Unavailable
from tests.service.waiting import until


@pytest.fixture
async def open_connection(new_agno):
    opened = []

    async def open(agno, statement_timeout=30.0, **words):
        opened.append(await connect(Dsn.parse(agno.server.dsn(agno.name, **words)), statement_timeout))
        return opened[-1]

    yield open
    for connection in opened:
        connection._close()


def active(agno):
    return [query for _, state, query in agno.backends() if state == "active"]


async def test_json_comes_as_bytes_and_ids_as_text(v3, open_connection):
    connection = await open_connection(v3)
    assert await connection.fetch("""SELECT '{"é": 1}'::jsonb::text, 'é'::varchar""") == [('{"é": 1}'.encode(), "é")]


async def test_a_statement_without_rows_gives_none(v3, open_connection):
    connection = await open_connection(v3)
    assert await connection.fetch("SET work_mem = '1MB'") == []


async def test_a_cancelled_caller_leaves_no_statement_behind_and_the_connection_in_use(v3, open_connection):
    connection = await open_connection(v3)
    [(backend,)] = await connection.fetch("SELECT pg_backend_pid()")
    caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
    await until(lambda: active(v3))
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await connection.abandoning
    assert not active(v3)
    assert connection.idle
    assert await connection.fetch("SELECT pg_backend_pid()") == [(backend,)]


async def test_a_late_cancel_never_hits_the_next_statement(v3, open_connection):
    connection = await open_connection(v3)
    for attempt in range(60):
        caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(0.002)"))
        await asyncio.sleep(0.0005 * (attempt % 8))
        caller.cancel()
        await asyncio.wait([caller])
        if connection.abandoning is not None:
            await connection.abandoning
        assert await connection.fetch("SELECT pg_sleep(0.002), 7") == [("", 7)]


async def test_a_cancel_that_overtakes_its_statement_is_sent_again(v3, open_connection):
    connection = await open_connection(v3)
    [(pid,)] = await connection.fetch("SELECT pg_backend_pid()")
    backend = psutil.Process(pid)
    # as on a busy machine: the server finds the request to cancel before it has read the statement
    backend.suspend()
    caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    caller.cancel()
    await asyncio.sleep(0.1)
    backend.resume()
    await asyncio.wait([caller, connection.abandoning], timeout=10)
    assert caller.cancelled()
    assert connection.idle
    assert await connection.fetch("SELECT pg_backend_pid()") == [(pid,)]


async def test_a_cancelled_caller_waits_for_no_server(own_server):
    connection = await connect(Dsn.parse(own_server.dsn()), 30)
    caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
    await until(lambda: own_server.run("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"))
    own_server.freeze()
    caller.cancel()
    await asyncio.wait([caller])
    assert not connection.abandoning.done()
    assert not connection.idle
    await connection.abandoning
    assert connection.closed


async def test_the_statement_timeout_is_an_error_and_never_a_cancellation(v3, open_database):
    database = open_database(v3.dsn, statement_timeout=1)
    with pytest.raises(Exception) as failed:
        await database.read("SELECT pg_sleep(60)")
    assert type(failed.value).__name__ == "TimedOut"
    assert asyncio.current_task().cancelling() == 0
    [(_, state, _)] = v3.backends()
    assert state == "idle"


async def test_descriptors_above_1023_work(v3, open_connection):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        connection = await open_connection(v3)
        assert connection.raw.fileno() > 1023
        assert await connection.fetch("SELECT 1") == [(1,)]
        caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
        await until(lambda: active(v3))
        caller.cancel()
        await asyncio.wait([caller])
        await connection.abandoning
        assert await connection.fetch("SELECT 2") == [(2,)]
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_killed_backend_is_an_error_and_no_hang(v3, open_connection):
    connection = await open_connection(v3)
    v3.terminate_backends()
    for _ in range(2):
        with pytest.raises(Exception) as failed:
            await connection.fetch("SELECT 1")
        assert type(failed.value).__module__.startswith("psycopg2")
        assert not connection.idle
        # nobody waits any more for an answer: asyncio would complain of it later
        assert connection._waiter is None


async def test_the_next_address_is_tried_where_nobody_listens_at_the_first(v3, forwarded, free_port):
    addresses = {"host": "127.0.0.1,127.0.0.1,127.0.0.1", "port": f"{free_port},{free_port},{forwarded}"}
    connection = await connect(Dsn.parse(v3.server.dsn(v3.name, **addresses)), 30)
    assert await connection.fetch("SELECT 1") == [(1,)]
    connection._close()


async def test_an_address_where_nobody_listens_is_told_at_once_and_leaves_the_loop_in_order(v3, free_port, caplog):
    nobody = Dsn.parse(v3.server.dsn(v3.name, host="127.0.0.1", port=str(free_port)))
    for _ in range(5):
        # well before the deadline of the test
        with pytest.raises(Unavailable):
            await connect(nobody, 30, timeout=600)
        connection = await connect(Dsn.parse(v3.dsn), 30)
        assert await connection.fetch("SELECT 1") == [(1,)]
        connection._close()
    assert [record for record in caplog.records if record.name == "asyncio" and record.levelname == "ERROR"] == []


async def test_connecting_to_a_frozen_server_is_given_up_in_time(own_server):
    own_server.freeze()
    with pytest.raises(Unavailable) as unavailable:
        await connect(Dsn.parse(own_server.dsn()), 30, timeout=0.3)
    assert unavailable.value.reason == "ConnectTimeout"


async def test_a_connection_that_is_ended_as_soon_as_it_is_there_is_opened_once_more(v3, monkeypatch):
    ended, limit = [], Connection.limit

    async def end_first(connection, seconds):
        if len(ended) < most:
            ended.append(v3.terminate_backends())
        await limit(connection, seconds)

    monkeypatch.setattr(Connection, "limit", end_first)
    most = 1
    connection = await connect(Dsn.parse(v3.dsn), 30)
    assert (await connection.fetch("SELECT 1"), ended) == ([(1,)], [1])
    connection._close()
    most = 99
    with pytest.raises(Unavailable):
        await connect(Dsn.parse(v3.dsn), 30)
    assert len(ended) == 3


async def test_a_cancel_that_comes_together_with_the_connection_is_not_lost(v3, monkeypatch):
    real = Connection._settle

    def settle(connection, error):
        monkeypatch.setattr(Connection, "_settle", real)
        real(connection, error)
        connecting.cancel()

    monkeypatch.setattr(Connection, "_settle", settle)
    connecting = asyncio.create_task(connect(Dsn.parse(v3.dsn), 30.0))
    with pytest.raises(asyncio.CancelledError):
        (await connecting)._close()
    await until(lambda: not v3.backends())


async def test_a_cancelled_connect_leaves_no_connection_on_the_server(v3):
    connecting = asyncio.create_task(connect(Dsn.parse(v3.dsn), 30))
    await asyncio.sleep(0)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await until(lambda: not v3.backends())


async def test_a_cancelled_caller_of_a_frozen_server_never_holds_up_the_event_loop(own_server):
    connection = await connect(Dsn.parse(own_server.dsn()), 30)
    caller = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
    await until(lambda: own_server.run("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"))
    own_server.freeze()
    # were the loop held up, only another process could ever thaw it
    pids = " ".join(str(process.pid) for process in own_server.processes)
    thaw = await asyncio.create_subprocess_shell(f"sleep 20; kill -CONT {pids}", start_new_session=True)
    caller.cancel()
    longest, before = 0.0, time.monotonic()
    while not caller.done() or not connection.abandoning.done():
        await asyncio.sleep(0.01)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    with suppress(ProcessLookupError):
        os.killpg(thaw.pid, signal.SIGKILL)
    await thaw.wait()
    assert longest < 10
    assert caller.cancelled()
    assert not connection.idle


async def test_a_server_that_outstays_its_own_timeout_is_taken_for_dead(own_server):
    connection = await connect(Dsn.parse(own_server.dsn()), 30)
    connection.longest = 0.2
    own_server.freeze()
    with pytest.raises(Unavailable) as unavailable:
        await connection.fetch("SELECT 1")
    assert unavailable.value.reason == "Unresponsive"
    assert not connection.idle
