"""One connection over aiopg, without the traps of aiopg 1.4.0 (docs/adr/0002-own-pool.md)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import aiopg
import psycopg2
import psycopg2.extensions

from .cancelling import cancel_statement
from .errors import Unavailable
from .prepared import STALE, PreparedStatements

Row = tuple[Any, ...]

_CANCEL_SECONDS = 2.0
_ASK_AGAIN_SECONDS = 0.2
_UNRESPONSIVE_SECONDS = 5.0
_VERY_LONG = 2**20


class Connection(aiopg.Connection):
    """An autocommit connection. One statement runs at a time, for `longest` seconds at the most (None: for ever).

    A parameter that is `bytes` is text in UTF-8. `outgrown` says that a very long statement was sent: libpq keeps its
    buffer for as long as the connection is open.

    `prepares` says whether statements may be prepared: not where a pooler gives each transaction another server.
    """

    longest: float | None = None
    prepares = True
    outgrown = False
    abandoning: asyncio.Task[None] | None = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._prepared = PreparedStatements()
        self._prefix = ""

    @staticmethod
    def _ready(weak_self: Any) -> None:
        """Poll as aiopg does, but without its `select.select`, which fails on descriptors above 1,023."""
        self = weak_self()
        if self is None or self._fileno is None:
            return
        try:
            state = self._conn.poll()
        except (psycopg2.Warning, psycopg2.Error) as error:
            # always forget the descriptor of a lost connection: uvloop keeps a stale reader otherwise (aiopg#909)
            if self._established:
                self._watch_writes(False)
            else:
                self._forget_descriptor()
            self._settle(error)
            return
        if not self._established:
            # libpq tries one address after the other, each with a socket of its own (aiopg#837)
            self._forget_descriptor()
            self._fileno = self._conn.fileno()
            self._loop.add_reader(self._fileno, self._ready, self._weakref)
        self._watch_writes(state == psycopg2.extensions.POLL_WRITE)
        if state == psycopg2.extensions.POLL_OK:
            self._settle(None)
        elif state not in {psycopg2.extensions.POLL_READ, psycopg2.extensions.POLL_WRITE}:
            self._settle(psycopg2.OperationalError("unexpected state of the connection"))

    @property
    def _established(self) -> bool:
        """Whether there is a session: neither still connecting nor lost."""
        unknown = psycopg2.extensions.TRANSACTION_STATUS_UNKNOWN
        return not self._conn.closed and self._conn.info.transaction_status != unknown

    def _watch_writes(self, wanted: bool) -> None:
        if self._fileno is None:
            return
        if wanted and not self._writing:
            self._loop.add_writer(self._fileno, self._ready, self._weakref)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._fileno)
        self._writing = wanted

    def _forget_descriptor(self) -> None:
        if self._fileno is None:
            return
        for remove in (self._loop.remove_reader, self._loop.remove_writer):
            with contextlib.suppress(OSError):  # libpq may have closed it already
                remove(self._fileno)
        self._fileno, self._writing = None, False

    def _settle(self, error: Exception | None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error is None:
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(error)

    async def _poll(self, waiter: asyncio.Future[None], timeout: float | None) -> None:  # noqa: ASYNC109
        """Wait for the answer. An error of the server is raised as it is, 57014 too (aiopg#537 makes it a cancel)."""
        self._ready(self._weakref)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        finally:
            self._waiter = None

    async def fetch(self, sql: str, parameters: Sequence[Any] | None = None, *, prepare: bool = False) -> list[Row]:
        """Run one string of SQL and give the rows of its last statement, none if it returns no rows.

        With `prepare`, a string of one statement is prepared on the server once it comes again.

        When the caller is cancelled, the statement is cancelled on the server too. That is the task `abandoning`, for
        which no caller waits: when it is done the connection is usable again, or closed where the server did not end
        the statement within 2 seconds. A server that outstays its own statement timeout by 5 seconds is taken for dead:
        `Unavailable`.
        """
        if not prepare or not self.prepares:
            return await self._run(self._prefix + sql, parameters)
        text = self._prepared.text(sql)
        try:
            return await self._run(text, parameters)
        except psycopg2.Error as error:
            if text is sql:
                raise
            self._prepared.forget(sql)
            if error.pgcode not in STALE:
                raise
        return await self._run(sql, parameters)

    async def transaction(self, statements: Sequence[str]) -> None:
        """Run these in one transaction, each sent for itself: Citus takes no string of several.

        After an error the connection is left in the failed transaction, and so is of no more use.
        """
        limit = [self._prefix.removesuffix("; ")] if self._prefix else []
        for sql in ("BEGIN", *limit, *statements, "COMMIT"):
            await self._run(sql, None)

    async def _run(self, sql: str, parameters: Sequence[Any] | None) -> list[Row]:
        # less than aiopg's cursor does: no task and no timeout of its own, which cost as much as the statement
        cursor = self._conn.cursor()  # raises where the connection is lost: nothing is left behind then
        waiter = self._waiter = self._loop.create_future()
        overdue = None if self.longest is None else self._loop.call_later(self.longest, _expire, waiter)
        try:
            cursor.execute(sql, self._bound(parameters))
            self._ready(self._weakref)
            await waiter
            return cursor.fetchall() if cursor.description else []
        except asyncio.CancelledError:
            self._abandon(cursor)
            raise
        except _Overdue:
            self._abandon(cursor)
            raise Unavailable("Unresponsive", "the database does not answer") from None
        finally:
            if self._waiter is waiter:
                self._waiter = None
            if overdue is not None:
                overdue.cancel()

    def _bound(self, parameters: Sequence[Any] | None) -> Sequence[Any] | None:
        if parameters is None:
            return None
        if any(isinstance(value, bytes | str) and len(value) > _VERY_LONG for value in parameters):
            self.outgrown = True
        # psycopg2 would take bytes for a bytea
        return [psycopg2.extensions.QuotedString(value) if isinstance(value, bytes) else value for value in parameters]

    def _abandon(self, cursor: Any) -> None:
        ended = self._waiter = self._loop.create_future()
        self.abandoning = asyncio.create_task(self._end_statement(cursor, ended))

    async def _end_statement(self, cursor: Any, ended: asyncio.Future[None]) -> None:
        """End what runs. The cursor is held until then: psycopg2 fails where the one that waits for rows is gone."""
        usable = False
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                while not ended.done() and self._conn.isexecuting():
                    # waited for: a request that is still on its way could hit the next statement
                    await cancel_statement(self.raw)
                    # a request that comes before the server has read the statement is passed over there
                    await asyncio.wait([ended], timeout=_ASK_AGAIN_SECONDS)
                usable = True
        except OSError:  # it does not answer in time, or took no request to cancel
            pass
        finally:
            self._waiter = None
            if ended.done():
                ended.exception()  # that it was cancelled, or the server is lost: nobody asks any more
            cursor.close()
            if not usable:
                self._close()

    async def limit(self, seconds: float) -> None:
        """Have the server end each statement after so many seconds.

        A pooler between us and the server gives each transaction another server process, and a setting of the session
        would stay with a process that serves others next. It is known by the process id: a pooler makes one up, for it
        has to take requests to cancel itself. Behind one the limit goes with each statement, and nothing is prepared.
        """
        milliseconds = int(seconds * 1000)
        own = "CASE pg_backend_pid() WHEN %s THEN set_config('statement_timeout', %s, false) END IS NOT NULL"
        [(direct,)] = await self.fetch(f"SELECT {own}", [self.raw.info.backend_pid, str(milliseconds)])
        if not direct:
            self.prepares = False
            self._prefix = f"SET LOCAL statement_timeout = {milliseconds}; "
        self.longest = seconds + _UNRESPONSIVE_SECONDS if seconds else None

    @property
    def idle(self) -> bool:
        """Whether it is open and in no transaction."""
        status = psycopg2.extensions.TRANSACTION_STATUS_IDLE
        return not self._conn.closed and self._conn.info.transaction_status == status


class _Overdue(Exception):
    """The server outstayed its own statement timeout."""


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(_Overdue())
