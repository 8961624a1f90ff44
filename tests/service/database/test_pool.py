"""The pool: never more than its size, waiters in order, and nothing lost whenever somebody gives up."""

import asyncio
from contextlib import asynccontextmanager, suppress

import psycopg2
import pytest

from session_service.database.connecting import connect
from session_service.database.dsn import Dsn
from session_service.database.errors import Refused, Unavailable
from session_service.database.pool import Pool
from tests.service.waiting import until


@asynccontextmanager
async def lending(pool):
    connection = await pool.acquire()
    try:
        yield connection
    finally:
        pool.give_back(connection)


@pytest.fixture
async def open_pool(new_agno):
    opened = []

    def open(agno, size, max_waiting=100):
        opened.append(Pool(lambda: connect(Dsn.parse(agno.dsn), 30), size, 20, max_waiting))
        return opened[-1]

    yield open
    for pool in opened:
        await pool.close()


async def use(pool, work=lambda connection: asyncio.sleep(0)):
    async with lending(pool) as connection:
        await work(connection)
        return connection


def empty_handed(pool):
    """Nobody has a connection, waits for one, or is having one opened."""
    return not (pool._lent or pool._opening or [waiter for waiter in pool._waiters if not waiter.done()])


async def test_connections_are_opened_on_demand_and_used_again(v3, open_pool):
    pool = open_pool(v3, 5)
    assert v3.backends() == []
    assert len({id(await use(pool)) for _ in range(10)}) == 1
    assert len(v3.backends()) == 1


async def test_never_more_than_the_maximum_are_open(v3, open_pool):
    pool = open_pool(v3, 3)
    most = 0

    async def count(connection):
        nonlocal most
        [(open_now,)] = await connection.fetch(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pg_sleep(0.001) IS NOT NULL"
        )
        most = max(most, open_now)

    await asyncio.gather(*(use(pool, count) for _ in range(40)))
    assert most == 3
    assert empty_handed(pool)


async def test_waiters_are_served_in_order(v3, open_pool):
    pool = open_pool(v3, 1)
    served = []

    async def note(number):
        await use(pool)
        served.append(number)

    async with lending(pool):
        waiting = []
        for number in range(8):
            waiting.append(asyncio.create_task(note(number)))
            await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert served == list(range(8))


async def test_nobody_overtakes_those_who_wait(v3, open_pool):
    pool = open_pool(v3, 1)
    served = []

    async def note(name):
        await use(pool)
        served.append(name)

    async with lending(pool):
        first = asyncio.create_task(note("first"))
        await asyncio.sleep(0)
    await asyncio.gather(first, note("second"))
    assert served == ["first", "second"]


@pytest.mark.parametrize("steps", range(12))
async def test_a_waiter_that_gives_up_at_any_point_costs_no_connection(v3, open_pool, steps):
    pool = open_pool(v3, 2)
    async with lending(pool):
        callers = [asyncio.create_task(use(pool)) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for caller in callers[::2]:
            caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    await until(lambda: empty_handed(pool))
    await asyncio.gather(*(use(pool) for _ in range(6)))
    await until(lambda: empty_handed(pool))
    assert len(v3.backends()) <= 2


async def test_a_connection_handed_over_in_the_moment_of_giving_up_goes_to_the_next(v3, open_pool):
    pool = open_pool(v3, 1)
    async with lending(pool):
        callers = [asyncio.create_task(use(pool)) for _ in range(2)]
        await asyncio.sleep(0)
    # the first has been handed the connection and has not run since
    callers[0].cancel()
    await asyncio.wait(callers)
    assert callers[0].cancelled()
    assert not callers[1].cancelled()
    assert empty_handed(pool)


async def test_waiting_ends_after_the_time_for_acquiring(v3, open_pool):
    pool = open_pool(v3, 1)
    async with lending(pool):
        pool._acquire_timeout = 0.05
        with pytest.raises(Unavailable) as unavailable:
            await use(pool)
    assert unavailable.value.reason == "PoolExhausted"
    assert empty_handed(pool)


async def test_those_who_gave_up_are_forgotten(v3, open_pool):
    pool = open_pool(v3, 1)
    async with lending(pool):
        for _ in range(50):
            caller = asyncio.create_task(use(pool))
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.wait([caller])
        assert len(pool._waiters) == 0


async def test_a_failed_connect_is_told_to_all_waiters_at_once_if_nobody_has_a_connection(v3, open_pool):
    pool = open_pool(v3, 2)
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
    found = await asyncio.gather(*(use(pool) for _ in range(8)), return_exceptions=True)
    assert {type(error) for error in found} == {Refused}
    await until(lambda: empty_handed(pool))


async def test_a_failed_connect_leaves_waiters_the_connection_of_another(v3, open_pool):
    pool = open_pool(v3, 2)
    async with lending(pool):
        v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
        waiting = asyncio.create_task(use(pool))
        await until(lambda: pool._waiters and not pool._opening)
        assert not waiting.done()
    await waiting


async def test_broken_connections_are_replaced(v3, open_pool):
    pool = open_pool(v3, 2)
    both = [lending(pool), lending(pool)]
    for lent in both:
        await lent.__aenter__()
    waiting = asyncio.create_task(use(pool, lambda connection: connection.fetch("SELECT 1")))
    await asyncio.sleep(0)
    assert v3.terminate_backends() == 2
    for lent in both:
        await lent.__aexit__(None, None, None)
    # what was dead and unnoticed is noticed when it is used
    await asyncio.wait([waiting])
    for _ in range(2):
        with suppress(psycopg2.Error):
            await use(pool, lambda connection: connection.fetch("SELECT 1"))
    await use(pool, lambda connection: connection.fetch("SELECT 1"))
    assert empty_handed(pool)


async def test_a_connection_in_a_transaction_is_not_lent_again(v3, open_pool):
    pool = open_pool(v3, 1)
    first = await use(pool, lambda connection: connection.fetch("BEGIN"))
    assert await use(pool) is not first


async def test_closing_ends_idle_lent_and_waited_for(v3, open_pool):
    pool = open_pool(v3, 2)
    await asyncio.gather(use(pool), use(pool))
    async with lending(pool), lending(pool):
        waiting = asyncio.create_task(use(pool))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(Unavailable) as unavailable:
            await waiting
        assert unavailable.value.reason == "ShuttingDown"
    await until(lambda: not v3.backends())
    assert empty_handed(pool)


async def test_more_than_may_wait_are_refused_at_once(v3, open_pool):
    pool = open_pool(v3, 1, max_waiting=3)
    async with lending(pool):
        waiting = [asyncio.create_task(use(pool)) for _ in range(3)]
        await asyncio.sleep(0)
        assert pool.waiting == 3
        with pytest.raises(Unavailable) as unavailable:
            await use(pool)
        assert (unavailable.value.reason, unavailable.value.retry_after) == ("PoolQueueFull", 1)
    await asyncio.gather(*waiting)
    await use(pool)


@pytest.fixture
async def away(v3):
    """A pool that counts how often it connects to a database that lets nobody in."""
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
    tries = []

    def connect_and_count():
        tries.append(1)
        return connect(Dsn.parse(v3.dsn), 30)

    pool = Pool(connect_and_count, 5, 20, 100)
    yield pool, tries
    await pool.close()


async def test_while_a_database_is_away_requests_fail_at_once_and_nobody_knocks(v3, away):
    pool, tries = away
    with pytest.raises(Refused):
        await use(pool)
    for _ in range(100):
        with pytest.raises(Refused) as refused:
            await use(pool)
        assert 0 < refused.value.retry_after <= 1.2
    assert len(tries) == 1
    assert not pool.waiting


async def test_when_the_time_has_come_one_tries_and_on_success_all_may(v3, away):
    pool, tries = away
    with pytest.raises(Refused):
        await use(pool)
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS true")
    await until(lambda: not pool._retry.seconds_left)
    found = await asyncio.gather(*(use(pool) for _ in range(20)), return_exceptions=True)
    assert len(tries) == 2
    assert [type(each) for each in found].count(Refused) == 19
    await asyncio.gather(*(use(pool, lambda connection: asyncio.sleep(0.05)) for _ in range(20)))
    assert sum(pool.connections.values()) == 5


async def test_a_lent_connection_that_dies_lets_nobody_wait_for_a_database_that_is_away(v3, open_pool):
    pool = open_pool(v3, 2)
    async with lending(pool):
        v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
        waiting = asyncio.create_task(use(pool))
        await until(lambda: pool.waiting and not pool.connections["opening"])
        v3.terminate_backends()
        await until(lambda: not next(iter(pool._lent)).idle)
    with pytest.raises(Refused):
        await waiting


async def test_those_who_wait_for_a_lent_connection_get_a_new_one_once_that_is_possible(v3, open_pool):
    pool = open_pool(v3, 2)
    async with lending(pool):
        v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
        waiting = asyncio.create_task(use(pool))
        await until(lambda: pool.waiting and not pool.connections["opening"])
        v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS true")
        await waiting


async def test_a_closed_pool_lends_nothing(v3, open_pool):
    pool = open_pool(v3, 2)
    await pool.close()
    with pytest.raises(Unavailable) as unavailable:
        await use(pool)
    assert unavailable.value.reason == "ShuttingDown"


async def test_a_stream_has_its_share_until_its_connection_is_back(v3, open_pool):
    pool = open_pool(v3, 2)
    connection = await pool.acquire_for_stream("a")
    waiting = asyncio.create_task(pool.acquire_for_stream("b"))
    await use(pool)
    assert (pool.streams.taken, pool.waiting) == (1, 1)
    statement = asyncio.create_task(connection.fetch("SELECT pg_sleep(60)"))
    await until(lambda: "active" in [state for _, state, _ in v3.backends()])
    statement.cancel()
    await asyncio.wait([statement])
    pool.give_back(connection)
    assert not waiting.done()
    pool.give_back(await waiting)
    assert (pool.streams.taken, pool.waiting) == (0, 0)
    assert empty_handed(pool)


async def test_a_stream_that_finds_no_connection_leaves_its_share(v3, open_pool):
    pool = open_pool(v3, 1)
    async with lending(pool):
        pool._acquire_timeout = 0.05
        with pytest.raises(Unavailable):
            await pool.acquire_for_stream("a")
    assert pool.streams.taken == 0
