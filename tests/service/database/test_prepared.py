"""Statements that are prepared by SQL: when, and what happens where the server does not have them."""

import pytest

from session_service.database.connecting import connect
from session_service.database.dsn import Dsn
from session_service.database.prepared import MOST, PreparedStatements

SQL = "SELECT %s::varchar, %s::int + 1, '50%%', ARRAY[1] && %s AS \"a%%b\""
VALUES = ["x", 41, [1]]
ROW = ("x", 42, b"50%", True)


@pytest.fixture
async def connection(v3):
    connection = await connect(Dsn.parse(v3.dsn), 30)
    yield connection
    connection._close()


async def prepared(connection):
    return [name for (name,) in await connection.fetch("SELECT name::varchar FROM pg_prepared_statements")]


async def test_the_same_rows_come_whether_it_is_prepared_or_not(connection):
    for times in range(4):
        assert await connection.fetch(SQL, VALUES, prepare=True) == [ROW]
        assert len(await prepared(connection)) == min(times, 1)


async def test_a_connection_that_must_not_prepare_does_not(connection):
    connection.prepares = False
    for _ in range(3):
        assert await connection.fetch(SQL, VALUES, prepare=True) == [ROW]
    assert await prepared(connection) == []


@pytest.mark.parametrize("lost", ["DEALLOCATE ALL", "DISCARD ALL"])
async def test_a_statement_that_the_server_lost_is_run_all_the_same(connection, lost):
    for _ in range(3):
        await connection.fetch(SQL, VALUES, prepare=True)
    await connection.fetch(lost)
    for _ in range(3):
        assert await connection.fetch(SQL, VALUES, prepare=True) == [ROW]


async def test_a_statement_that_the_server_has_already_is_run_all_the_same(connection):
    for _ in range(3):
        await connection.fetch(SQL, VALUES, prepare=True)
    connection._prepared = PreparedStatements()
    for _ in range(3):
        assert await connection.fetch(SQL, VALUES, prepare=True) == [ROW]


async def test_a_column_of_another_type_is_met(connection):
    await connection.fetch("CREATE TEMP TABLE changing AS SELECT 1 AS value")
    for _ in range(3):
        assert await connection.fetch("SELECT value FROM changing WHERE %s", [True], prepare=True) == [(1,)]
    await connection.fetch("ALTER TABLE changing ALTER value TYPE varchar")
    for _ in range(3):
        assert await connection.fetch("SELECT value FROM changing WHERE %s", [True], prepare=True) == [("1",)]


async def test_the_least_used_makes_place(connection):
    for _ in range(2):
        await connection.fetch(SQL, VALUES, prepare=True)
    for number in range(MOST):
        await connection.fetch(f"SELECT {number} + %s", [1], prepare=True)
    assert await prepared(connection) == []
    assert await connection.fetch(SQL, VALUES, prepare=True) == [ROW]


async def test_an_error_of_a_prepared_statement_is_raised_as_it_is(connection):
    sql = "SELECT 1 / %s::int"
    for _ in range(3):
        assert await connection.fetch(sql, [1], prepare=True) == [(1,)]
        with pytest.raises(Exception, match="division by zero"):
            await connection.fetch(sql, [0], prepare=True)
