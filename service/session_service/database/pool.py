"""A pool of connections that connects outside of any lock, wakes every waiter it can, and never trusts a dead one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from .connection import Connection
from .errors import DatabaseError, Unavailable


class Pool:
    """At most `max_size` connections, opened on demand, the most recently used first.

    Connections are opened in tasks of the pool: a request that is cancelled meanwhile costs no connection (aiopg#893).
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], max_size: int, acquire_timeout: float) -> None:
        self._connect = connect
        self._max_size = max_size
        self._acquire_timeout = acquire_timeout
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._lent: set[Connection] = set()
        self._waiters: deque[asyncio.Future[Connection]] = deque()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises `Refused` or `Unavailable` if there is none within the time for acquiring one."""
        connection = await self._acquire()
        try:
            yield connection
        finally:
            self._give_back(connection)

    async def close(self) -> None:
        """Close what is idle and stop opening; connections that are lent close when they come back."""
        self._max_size = 0
        for task in tuple(self._opening):
            task.cancel()
        await asyncio.gather(*tuple(self._opening), return_exceptions=True)
        self.flush()
        self._refuse_waiters(Unavailable("ShuttingDown", "the service is shutting down"))

    def flush(self) -> None:
        """Close all idle connections: after one was found dead, its neighbours are likely dead too."""
        while self._idle:
            self._idle.pop()._close()

    async def _acquire(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.idle:
                self._lent.add(connection)
                return connection
            connection._close()
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._open_for_waiters()
        try:
            async with asyncio.timeout(self._acquire_timeout):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give_back(waiter.result())  # it was handed to us in the moment in which we gave up
            waiter.cancel()
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise Unavailable("PoolExhausted", "no connection to the database became free in time") from None
            raise

    def _open_for_waiters(self) -> None:
        waiting = sum(not waiter.done() for waiter in self._waiters)
        while len(self._opening) < waiting and self._size < self._max_size:
            self._opening.add(asyncio.create_task(self._open()))

    @property
    def _size(self) -> int:
        return len(self._idle) + len(self._lent) + len(self._opening)

    async def _open(self) -> None:
        try:
            connection = await self._connect()
        except DatabaseError as error:
            # those who wait may still get a connection that others are using now
            if not self._lent:
                self._refuse_waiters(error)
        else:
            self._hand_on(connection)
        finally:
            self._opening.discard(asyncio.current_task())

    def _give_back(self, connection: Connection) -> None:
        self._lent.discard(connection)
        if connection.idle and self._max_size:
            self._hand_on(connection)
        else:
            connection._close()
            self._open_for_waiters()

    def _hand_on(self, connection: Connection) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._lent.add(connection)
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def _refuse_waiters(self, error: DatabaseError) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error)
