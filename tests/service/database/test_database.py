"""One database: what is tried again and what is not, rows in batches, and no connection left in a transaction."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from session_service.database.errors import DatabaseError, Forbidden, LayoutChanged, Unavailable
from tests.service.waiting import until

NUMBERS = "SELECT g::int FROM generate_series(1, %s) g"


def states(agno):
    return [state for _, state, _ in agno.backends()]


async def served(database):
    """Read until it is time to connect again."""
    async with asyncio.timeout(10):
        while True:
            with suppress(DatabaseError):
                return await database.read("SELECT 1")
            await asyncio.sleep(0.05)


async def filled(database, connections):
    """Have so many connections open."""
    await asyncio.gather(*(database.read("SELECT pg_sleep(0.05)") for _ in range(connections)))


async def test_a_read_survives_the_death_of_every_connection(v3, open_database):
    database = open_database(v3.dsn)
    await filled(database, 4)
    assert v3.terminate_backends() == 4
    assert await database.read("SELECT 1") == [(1,)]
    assert (database.state, database.reason) == ("serving", None)
    assert len(v3.backends()) == 1


async def test_a_write_is_tried_once_for_it_may_have_succeeded_unheard(v3, open_database):
    database = open_database(v3.dsn)
    v3.run("CREATE TABLE notes (text varchar)")
    await database.read("SELECT 1")
    writing = asyncio.create_task(database.write("INSERT INTO notes VALUES ('once'); COMMIT; SELECT pg_sleep(60)"))
    await until(lambda: v3.ids("notes", "text"))
    v3.terminate_backends()
    with pytest.raises(Unavailable) as unavailable:
        await writing
    assert unavailable.value.reason == "ConnectionLost"
    assert v3.ids("notes", "text") == ["once"]
    assert (database.state, database.reason) == ("serving", None)


async def test_a_database_that_is_gone_and_back_serves_again(v3, open_database):
    database = open_database(v3.dsn)
    await database.read("SELECT 1")
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS false")
    v3.terminate_backends()
    with pytest.raises(Exception, match="refuses the connection"):
        await database.read("SELECT 1")
    assert (database.state, database.reason) == ("refused", "AccessDenied")
    v3.server.run(f"ALTER DATABASE {v3.name} ALLOW_CONNECTIONS true")
    await served(database)
    assert (database.state, database.reason) == ("serving", None)


async def test_a_database_is_untried_at_first(v3, open_database):
    assert (open_database(v3.dsn).state, open_database(v3.dsn).reason) == ("untried", None)


@pytest.mark.parametrize(("rows", "sizes"), [(0, []), (3, [3]), (4, [4]), (9, [4, 4, 1])])
async def test_rows_come_in_batches(v3, open_database, rows, sizes):
    database = open_database(v3.dsn)
    batches = [batch async for batch in database.stream(NUMBERS, [rows], 4)]
    assert [len(batch) for batch in batches] == sizes
    assert [number for batch in batches for (number,) in batch] == list(range(1, rows + 1))
    assert states(v3) == ["idle"]


async def test_a_stream_that_is_left_early_gives_its_connection_back(v3, open_database):
    database = open_database(v3.dsn, pool_size=1)
    for _ in range(3):
        async with aclosing(database.stream(NUMBERS, [100], 4)) as batches:
            async for _batch in batches:
                break
    assert await database.read("SELECT 1") == [(1,)]
    await until(lambda: states(v3) == ["idle"])


async def test_a_stream_whose_reader_is_cancelled_gives_its_connection_back(v3, open_database):
    database = open_database(v3.dsn, pool_size=1)

    async def read_slowly():
        async with aclosing(database.stream("SELECT pg_sleep(0.01) FROM generate_series(1, %s)", [6000], 4)) as batches:
            async for _batch in batches:
                await asyncio.sleep(0)

    for pause in (0.0, 0.02, 0.1):
        reader = asyncio.create_task(read_slowly())
        await asyncio.sleep(pause)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    assert await database.read("SELECT 1") == [(1,)]
    await until(lambda: states(v3) == ["idle"])


async def test_a_stream_that_fails_gives_its_connection_back(v3, open_database):
    database = open_database(v3.dsn, pool_size=1)
    with pytest.raises(LayoutChanged):
        [batch async for batch in database.stream("SELECT FROM nothing", [], 4)]
    failing = "SELECT 1 / (5 - g) FROM generate_series(1, %s) g"
    with pytest.raises(Exception, match="SQLSTATE 22012"):
        [batch async for batch in database.stream(failing, [9], 2)]
    assert await database.read("SELECT 1") == [(1,)]
    await until(lambda: states(v3) == ["idle"])


async def test_a_stream_whose_connection_dies_says_so(v3, open_database):
    database = open_database(v3.dsn)
    async with aclosing(database.stream(NUMBERS, [100], 4)) as batches:
        await anext(batches)
        v3.terminate_backends()
        with pytest.raises(Unavailable):
            await anext(batches)
    assert await database.read("SELECT 1") == [(1,)]


async def test_a_stream_changes_nothing(v3, open_database):
    database = open_database(v3.dsn)
    v3.session("a")
    with pytest.raises(Forbidden, match="view, or of another kind"):
        await anext(database.stream("WITH d AS (DELETE FROM ai.agno_sessions RETURNING 1) SELECT 1", [], 4))
    assert v3.ids("ai.agno_sessions") == ["a"]


async def test_a_write_that_its_client_gives_up_is_undone(v3, open_database):
    database = open_database(v3.dsn)
    v3.session("a")
    writing = asyncio.create_task(database.write("DELETE FROM ai.agno_sessions; SELECT pg_sleep(60)"))
    await until(lambda: "active" in states(v3))
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await until(lambda: states(v3) == ["idle"])
    assert v3.ids("ai.agno_sessions") == ["a"]


async def test_one_statement_runs_no_longer_than_its_source_allows(v3, open_database):
    database = open_database(v3.dsn, statement_timeout=7)
    assert await database.read("SELECT current_setting('statement_timeout')::varchar") == [("7s",)]


async def test_a_conflict_of_a_read_is_tried_once_more(v3, open_database):
    database = open_database(v3.dsn)
    v3.run("CREATE SEQUENCE tries")
    conflict = "DO $$ BEGIN IF nextval('tries') < {} THEN RAISE SQLSTATE '40001'; END IF; END $$; SELECT 7"
    assert await database.read(conflict.format(2)) == [(7,)]
    with pytest.raises(Unavailable) as unavailable:
        await database.read(conflict.format(9))
    assert (unavailable.value.reason, database.state) == ("Conflict", "serving")
    assert v3.value("SELECT last_value FROM tries") == 4


async def test_failures_are_counted_by_their_reason(v3, open_database):
    database = open_database(v3.dsn, statement_timeout=1)
    for statement in ("SELECT pg_sleep(9)", "SELECT FROM nothing", "SELECT 1/0", "SELECT FROM nothing"):
        with pytest.raises(DatabaseError):
            await database.read(statement)
    assert database.errors == {"StatementTimeout": 1, "LayoutChanged": 2, "22012": 1}
