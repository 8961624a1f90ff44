"""Limits how many connections streams hold while clients read: in total, and per caller."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Hashable

from .errors import Unavailable


class Shares:
    """Half of `size` places, of which one caller may have a fifth of `size`.

    If none is free, a stream waits in order for `patience` seconds; at most half of `max_waiting` streams wait at a
    time, a fifth of one caller.
    """

    def __init__(self, size: int, max_waiting: int, patience: float) -> None:
        self.most, self._each = _half_and_fifth(size)
        self._most_waiting, self._each_waiting = _half_and_fifth(max_waiting)
        self._patience = patience
        self._taken: Counter[Hashable] = Counter()
        self._waiters: deque[tuple[Hashable, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """The number of taken places."""
        return self._taken.total()

    @property
    def waiting(self) -> int:
        """The number of waiting streams."""
        return len(self._waiters)

    async def enter(self, caller: Hashable) -> None:
        """Take a place, which `leave` gives back. Raises `Unavailable` if none becomes free in time."""
        if self._has_room(caller):
            self._taken[caller] += 1
            return
        own = sum(waiting == caller for waiting, _ in self._waiters)
        if len(self._waiters) >= self._most_waiting or own >= self._each_waiting:
            raise Unavailable("PoolQueueFull", "too many requests wait for a connection already", retry_after=1)
        waiter = (caller, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await waiter[1]
        except BaseException as error:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            else:  # it got a place at the moment when it gave up
                self.leave(caller)
            if isinstance(error, TimeoutError):
                raise Unavailable(
                    "StreamsExhausted", "other streams have all connections that streams may have"
                ) from None
            raise

    def leave(self, caller: Hashable) -> None:
        """Give a place back; the first waiting stream that may have it gets it."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
        for waiter in tuple(self._waiters):
            if self.taken >= self.most:
                return
            waiting, admitted = waiter
            if not admitted.done() and self._has_room(waiting):
                self._waiters.remove(waiter)
                self._taken[waiting] += 1
                admitted.set_result(None)

    def _has_room(self, caller: Hashable) -> bool:
        return self.taken < self.most and self._taken[caller] < self._each


def _half_and_fifth(number: int) -> tuple[int, int]:
    return max(1, number // 2), max(1, number // 5)
