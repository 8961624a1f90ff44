"""One database: its pool, its deadlines, and its state."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from time import perf_counter
from typing import Any, Literal

import psycopg2

from session_service.observability.durations import Durations
from session_service.observability.exchange import acquired, caller, has_written, queried, will_write

from .connecting import connect
from .connection import Connection, Row
from .dsn_map import Source
from .errors import (
    Conflict,
    DatabaseError,
    Forbidden,
    LayoutChanged,
    Refused,
    StatementFailed,
    Unavailable,
    statement_error,
)
from .pool import Pool
from .replica import Replica

State = Literal["untried", "serving", "refused", "unreachable"]

# a failure with one of these reasons says nothing about whether the database is reachable
_PASSING = {
    "PoolExhausted",
    "PoolQueueFull",
    "StreamsExhausted",
    "ConnectionLost",
    "StatementTimeout",
    "Conflict",
    "ShuttingDown",
}

ACQUIRE_SECONDS = 10.0
CONNECT_SECONDS = 5.0


class Database:
    """Runs SQL in one database. It has its own pool and deadlines, so no other database waits for it.

    `column` is the unreadable column, if that is the reason why the database is refused.
    `written_at` is when the last statement that may change something ended, in monotonic seconds.
    """

    def __init__(self, id: str, source: Source) -> None:
        self.id = id
        self.state: State = "untried"
        self.reason: str | None = None
        self.column: str | None = None
        self.durations = Durations()
        self.errors: Counter[str] = Counter()
        self.written_at = -math.inf
        self._source = source
        self.replica = None if source.replica is None else Replica(self, Database(id, source.replica))
        self.pool = Pool(
            lambda: connect(source.dsn, source.statement_timeout, CONNECT_SECONDS),
            source.pool_size,
            ACQUIRE_SECONDS,
            source.max_waiting,
        )

    def suits(self, source: Source) -> bool:
        """Whether it can be kept when a changed map has this source."""
        return self._source.access == source.access

    @property
    def age(self) -> int | None:
        """A number that is constant while all connections are to the same start of the same server; None if unknown."""
        return self.pool.opened if self.pool.direct else None

    async def read(self, sql: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        """The rows of a read-only statement, which is repeated once if its connection turns out to be dead."""
        try:
            return await self._run(sql, parameters)
        except Conflict:
            return await self._run(sql, parameters)
        except Unavailable as error:
            if error.reason != "ConnectionLost":
                raise
            self.pool.flush()
            return await self._run(sql, parameters)

    async def write(self, sql: str, parameters: Sequence[Any] | None = None) -> list[Row]:
        """The rows of a statement that may change something. It is never repeated, because it may have taken effect."""
        async with _Loan(self) as connection:
            will_write()
            try:
                rows = await self._fetch(connection, sql, parameters, prepare=parameters is not None)
            finally:
                self.written_at = time.monotonic()
            has_written(len(rows))
            return rows

    async def write_together(self, statements: Sequence[str]) -> None:
        """Run these statements, which return no rows, in one transaction."""
        async with _Loan(self) as connection:
            try:
                await connection.transaction(statements)
            finally:
                self.written_at = time.monotonic()

    async def _run(self, sql: str, parameters: Sequence[Any] | None) -> list[Row]:
        async with _Loan(self) as connection:
            return await self._fetch(connection, sql, parameters, prepare=parameters is not None)

    async def _fetch(
        self, connection: Connection, sql: str, parameters: Sequence[Any] | None = None, *, prepare: bool = False
    ) -> list[Row]:
        began = perf_counter()
        try:
            return await connection.fetch(sql, parameters, prepare=prepare)
        finally:
            took = perf_counter() - began
            self.durations.add(took)
            queried(self.id, sql, took)

    async def stream(self, sql: str, parameters: Sequence[Any], batch: int) -> AsyncGenerator[list[Row], None]:
        """Yield rows in batches from a cursor, so that memory holds one batch; yields nothing if there are no rows."""
        async with _Loan(self, streaming=True) as connection:
            fetch = f"FETCH {batch} FROM batches"
            opening = f"BEGIN READ ONLY; DECLARE batches NO SCROLL CURSOR FOR {sql}; {fetch}"
            rows = await self._fetch(connection, opening, parameters)
            while rows:
                yield rows
                rows = await self._fetch(connection, fetch) if len(rows) == batch else []
            await self._fetch(connection, "COMMIT")

    def refused(self, reason: str, message: str) -> Refused:
        """Record that we lack a privilege that we need, and return the error to raise."""
        return self._refused(Refused(reason, message))

    def unreadable(self, column: str, message: str) -> Refused:
        """The same for a column that can't be read."""
        return self._refused(Refused("UnreadableColumn", message, column=column))

    def _refused(self, error: Refused) -> Refused:
        self._note(error)
        return error

    def _note(self, error: DatabaseError) -> None:
        self.errors[error.reason] += 1
        if isinstance(error, StatementFailed | LayoutChanged | Forbidden):
            return
        if isinstance(error, Refused):
            self.state, self.reason, self.column = "refused", error.reason, error.column
        elif error.reason not in _PASSING:
            self.state, self.reason = "unreachable", error.reason

    async def close(self) -> None:
        """Close its connections, and those of its replica."""
        await self.pool.close()
        if self.replica is not None:
            await self.replica.database.close()


class _Loan:
    """Lends a connection within a context. Errors leave it as `DatabaseError`, and the database records them.

    It is a class because contextlib's generator would double the cost of getting a connection.
    """

    __slots__ = ("_connection", "_database", "_streaming")

    def __init__(self, database: Database, *, streaming: bool = False) -> None:
        self._database, self._streaming = database, streaming

    async def __aenter__(self) -> Connection:
        began = perf_counter()
        pool = self._database.pool
        try:
            self._connection = await (pool.acquire_for_stream(caller()) if self._streaming else pool.acquire())
        except (psycopg2.Error, DatabaseError) as error:
            raise self._known(error) from None
        acquired(began)
        return self._connection

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._database.pool.give_back(self._connection)
        if error is None:
            self._database.state, self._database.reason = "serving", None
        elif isinstance(error, psycopg2.Error | DatabaseError):
            raise self._known(error) from None

    def _known(self, error: psycopg2.Error | DatabaseError) -> DatabaseError:
        known = error if isinstance(error, DatabaseError) else statement_error(error)
        self._database._note(known)
        return known
