"""What all answers of the process hold at a time, in bytes, however slowly their clients read.

An answer counts from when its bytes are here until its client has taken them: a body, what a stream reads ahead, and
each value that has to be read as a whole. Bodies of `sending.AT_ONCE` do not count: there is one a connection. Nor does
what databases are sending just now: there is one statement a connection of their pools.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable

from session_service.observability.exchange import Exchange

# a batch of rows as libpq has it and as Python has it, and what is made of it until it is sent
STREAM = 2 * 1024 * 1024
# how long a stream waits for others to end
PATIENCE_SECONDS = 10.0


class NoRoom(Exception):
    """Other answers hold too much."""


class Budget:
    """So many bytes, of which one caller (sub, else address) has a fifth. Whoever holds nothing beside may have more.

    held: how many there are. `refused` is told of each answer that was not given for want of room.
    """

    def __init__(self, most: int, refused: Callable[[], None] = lambda: None) -> None:
        self.most, self._each = most, most // 5
        self.held = 0
        self._of: Counter[Hashable] = Counter()
        self._waiters: deque[tuple[Holding, int, asyncio.Future[None]]] = deque()
        self._refused = refused

    def holding(self, exchange: Exchange) -> Holding:
        """What the answer of this exchange holds, nothing yet."""
        return Holding(self, exchange)

    def _fits(self, holding: Holding, size: int) -> bool:
        if self.held == holding.size:  # it is alone: none would ever have more room
            return True
        of_caller = self._of[holding.caller]
        alone = of_caller == holding.size
        return self.held + size <= self.most and (alone or of_caller + size <= self._each)

    def _add(self, holding: Holding, size: int) -> None:
        holding.size += size
        self.held += size
        self._of[holding.caller] += size
        if not self._of[holding.caller]:
            del self._of[holding.caller]

    def _wake(self) -> None:
        for waiter in tuple(self._waiters):
            holding, size, admitted = waiter
            if not admitted.done() and self._fits(holding, size):
                self._waiters.remove(waiter)
                self._add(holding, size)
                admitted.set_result(None)


class Holding:
    """What one answer holds. An answer that tells of a change which has been made is not refused for it."""

    __slots__ = ("_budget", "_exchange", "size")

    def __init__(self, budget: Budget, exchange: Exchange) -> None:
        self._budget, self._exchange = budget, exchange
        self.size = 0

    @property
    def caller(self) -> Hashable:
        """Whose it is."""
        return self._exchange.caller

    def require_room(self) -> None:
        """Raise `NoRoom` where there is none for any answer of this caller."""
        if not self._budget._fits(self, 1):
            raise self._refusal()

    def take(self, size: int) -> None:
        """Hold so many bytes more. Raises `NoRoom`."""
        if not self._budget._fits(self, size) and not self._exchange.written:
            raise self._refusal()
        self._budget._add(self, size)

    def take_for_reading(self, size: int) -> None:
        """The same of what is yet to be read, whatever has been changed: it may be of any size."""
        if not self._budget._fits(self, size):
            raise self._refusal()
        self._budget._add(self, size)

    async def wait(self, size: int) -> None:
        """The same as `take`, once others have ended."""
        budget = self._budget
        if budget._fits(self, size) or self._exchange.written:
            budget._add(self, size)
            return
        waiter = (self, size, asyncio.get_running_loop().create_future())
        budget._waiters.append(waiter)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await waiter[2]
        except TimeoutError:
            if waiter in budget._waiters:
                raise self._refusal() from None
        finally:
            if waiter in budget._waiters:
                budget._waiters.remove(waiter)

    def leave(self, size: int) -> None:
        """Hold so many bytes less, but for those that are not held any more."""
        size = min(size, self.size)
        if size:
            self._budget._add(self, -size)
            self._budget._wake()

    def end(self) -> None:
        """Hold nothing."""
        self.leave(self.size)

    def _refusal(self) -> NoRoom:
        self._budget._refused()
        return NoRoom()
