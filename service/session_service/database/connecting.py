"""Opens connections: one address after the other, within one deadline."""

from __future__ import annotations

import asyncio
import time

import psycopg2
import psycopg2.extensions

from .addresses import targets
from .connection import Connection
from .dsn import Dsn
from .errors import Unavailable, connect_error, malformed
from .libpq import tell_sqlstates

# JSON is selected as ::text (OID 25) and stays bytes; ids are varchar and become str.
_TEXT_AS_BYTES = psycopg2.extensions.new_type((25,), "TEXT_AS_BYTES", psycopg2.extensions.BYTES)


async def connect(dsn: Dsn, statement_timeout: float, timeout: float = 5.0) -> Connection:  # noqa: ASYNC109
    """Open a connection within `timeout` seconds, or raise `Refused` or `Unavailable`.

    It tries one address after the other, each for its share of the remaining time, so that a first address that does
    not answer leaves time for the second. libpq's asynchronous connect has no time limit per address.
    """
    if dsn.problem is not None:
        raise malformed(dsn.problem)
    ends = time.monotonic() + timeout
    try:
        async with asyncio.timeout(timeout):
            found = await targets(dsn.text)
    except (OSError, TimeoutError) as error:
        raise connect_error(error) from None
    failed: Unavailable | None = None
    for tried, target in enumerate(found):
        for _ in range(2):
            share = (ends - time.monotonic()) / (len(found) - tried)
            try:
                return await _connect(target, statement_timeout, share)
            except _Ended as error:
                failed = error.reason
            except Unavailable as error:
                failed = error
                break
    raise failed or connect_error(TimeoutError())


class _Ended(Exception):
    """The server accepted the connection and ended it at once, as when somebody ends all connections. Try again."""

    def __init__(self, reason: Unavailable) -> None:
        super().__init__(reason)
        self.reason = reason


async def _limit(connection: Connection, statement_timeout: float) -> None:
    try:
        await connection.limit(statement_timeout)
    except psycopg2.Error as error:
        known = connect_error(error)
        if isinstance(known, Unavailable) and known.reason in {"Unreachable", "ShuttingDown"}:
            raise _Ended(known) from None
        raise


async def _connect(dsn: str, statement_timeout: float, timeout: float) -> Connection:  # noqa: ASYNC109
    connection = None
    try:
        connection = Connection(dsn, timeout, enable_json=False, enable_hstore=False, enable_uuid=False)
        tell_sqlstates(connection.raw)
        async with asyncio.timeout(timeout):
            await connection
            psycopg2.extensions.register_type(_TEXT_AS_BYTES, connection.raw)
            connection._timeout = None  # type: ignore[assignment]  # aiopg would apply the connect timeout to each statement
            await _limit(connection, statement_timeout)
    # libpq may reopen its socket while it authenticates, and epoll then misses the old one (aiopg#837)
    except (psycopg2.Error, OSError, RuntimeError, TimeoutError) as error:
        if connection is not None:
            connection._close()
        raise connect_error(error) from None
    except BaseException:
        if connection is not None:
            connection._close()
        raise
    return connection
