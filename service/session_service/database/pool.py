"""A pool of connections that connects outside of any lock, wakes every waiter it can, and never trusts a dead one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Hashable

from .connection import Connection
from .errors import DatabaseError, Unavailable
from .retry import Retry
from .shares import Shares

# While requests come in, so often at the most is a database tried that is away: it is found again within seconds of
# its return, and is not stormed. Without requests the prober backs off further.
LONGEST_PAUSE_SECONDS = 2.0

# How long a stream waits for those before it. It holds nothing meanwhile, so it may be longer than others wait.
STREAM_SECONDS = 30.0

_CLOSED = Unavailable("ShuttingDown", "the service is shutting down")


class Pool:
    """At most `max_size` connections, opened on demand, the most recently used first; at most `max_waiting` may wait.

    Connections are opened in tasks of the pool: a request that is cancelled meanwhile costs no connection (aiopg#893).
    After a failed connect one is tried at a time, and all others who find no connection are refused at once.
    Streams, which last as long as a client reads, have `Shares` of it only: others find a connection meanwhile.
    `opened` counts the connections that were ever opened; `direct` says that they lead to the server itself.
    """

    def __init__(
        self,
        connect: Callable[[], Coroutine[None, None, Connection]],
        max_size: int,
        acquire_timeout: float,
        max_waiting: int,
    ) -> None:
        self._connect = connect
        self.max_size = max_size
        self._max_waiting = max_waiting
        self._acquire_timeout = acquire_timeout
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[Connection]] = set()
        self._lent: set[Connection] = set()
        self._waiters: deque[asyncio.Future[Connection]] = deque()
        self.streams = Shares(max_size, max_waiting, STREAM_SECONDS)
        self._streaming: dict[Connection, Hashable] = {}
        self._retry = Retry(LONGEST_PAUSE_SECONDS)
        self._problem: DatabaseError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.opened = 0
        self.direct = True

    @property
    def connections(self) -> dict[str, int]:
        """How many there are: idle, lent, and still opening."""
        return {"idle": len(self._idle), "lent": len(self._lent), "opening": len(self._opening)}

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiters) + self.streams.waiting

    async def close(self) -> None:
        """Close what is idle and stop opening; connections that are lent close when they come back."""
        self.max_size = 0
        if self._timer is not None:
            self._timer.cancel()
        for task in tuple(self._opening):
            task.cancel()
        await asyncio.gather(*tuple(self._opening), return_exceptions=True)
        self.flush()
        self._refuse_waiters(_CLOSED)
        await asyncio.sleep(0)  # aiopg retrieves what it tells its queue of notifications in the loop's next round

    def flush(self) -> None:
        """Close all idle connections: after one was found dead, its neighbours are likely dead too."""
        while self._idle:
            self._idle.pop()._close()

    async def acquire(self) -> Connection:
        """Lend a connection, to be given back. Raises `Refused` or `Unavailable` if there is none in time."""
        while self._idle:
            connection = self._idle.pop()
            if connection.idle:
                self._lent.add(connection)
                return connection
            connection._close()
        if not self.max_size:
            raise _CLOSED.again()
        if self._problem is not None and not self._lent and (self._opening or self._retry.seconds_left > 0):
            raise self._problem.again(self._retry.seconds_left)
        if len(self._waiters) >= self._max_waiting:
            raise Unavailable("PoolQueueFull", "too many requests wait for a connection already", retry_after=1)
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._open_for_waiters()
        try:
            async with asyncio.timeout(self._acquire_timeout):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give_back(waiter.result())  # it was handed to us in the moment in which we gave up
            waiter.cancel()
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise Unavailable("PoolExhausted", "no connection to the database became free in time") from None
            raise

    async def acquire_for_stream(self, caller: Hashable) -> Connection:
        """The same for a stream to this caller."""
        await self.streams.enter(caller)
        try:
            connection = await self.acquire()
        except BaseException:
            self.streams.leave(caller)
            raise
        self._streaming[connection] = caller
        return connection

    def _open_for_waiters(self) -> None:
        if not self._waiters:
            return
        pause = self._retry.seconds_left
        if self._problem is not None and pause > 0:
            if self._lent or self._opening:
                self._open_later(pause)
            else:  # nobody has a connection that may come back
                self._refuse_waiters(self._problem.again(pause))
            return
        most = self.max_size if self._problem is None else 1
        room = min(most - len(self._opening), self.max_size - self._size)
        if room > 0:
            waiting = sum(not waiter.done() for waiter in self._waiters)
            for _ in range(min(room, waiting - len(self._opening))):
                task = asyncio.create_task(self._connect())
                self._opening.add(task)
                task.add_done_callback(self._opened)

    def _open_later(self, pause: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.when() <= loop.time():
            self._timer = loop.call_later(pause, self._open_for_waiters)

    @property
    def _size(self) -> int:
        return len(self._idle) + len(self._lent) + len(self._opening)

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening.discard(task)
        if task.cancelled():
            return
        try:
            connection = task.result()
        except DatabaseError as error:
            self._problem = error.again()
            self._retry.failed()
        else:
            self._problem = None
            self._retry.succeeded()
            self.opened += 1
            self.direct = connection.prepares
            self._hand_on(connection)
        # those who wait may still get a connection that others are using now
        self._open_for_waiters()

    def give_back(self, connection: Connection) -> None:
        """Take back what was lent; what still runs on it ends first."""
        if connection.abandoning is not None and not connection.abandoning.done():
            connection.abandoning.add_done_callback(lambda _: self.give_back(connection))
            return
        self._lent.discard(connection)
        if connection in self._streaming:
            self.streams.leave(self._streaming.pop(connection))
        if connection.idle and not connection.outgrown and self.max_size:
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
                waiter.set_exception(error.again(error.retry_after))
