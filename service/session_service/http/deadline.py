"""The deadline of requests. All share one timer, because a timer for each costs as much as the metrics of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


class Expired(Exception):
    """A request has exceeded its time limit."""


class Deadline:
    """A per-request limit in seconds; None disables it."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        # in the order in which they end, because all have the same limit
        self._ends: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def keep(self, answering: Awaitable[Answer]) -> Answer:
        """The answer. Raises `Expired` at the deadline and cancels what is awaited, like `asyncio.timeout`."""
        task = asyncio.current_task()
        if self.seconds is None or task is None:
            return await answering
        loop = task.get_loop()
        self._ends[task] = ends = loop.time() + self.seconds
        if self._timer is None:
            self._timer = loop.call_at(ends, self._expire)
        try:
            return await answering
        except asyncio.CancelledError:
            # a client that disconnected at the same moment has cancelled, too
            if task in self._expired and task.cancelling() <= 1:
                raise Expired from None
            raise
        finally:
            self._ends.pop(task, None)
            if task in self._expired:
                self._expired.remove(task)
                task.uncancel()

    def _expire(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._ends:
            task, ends = next(iter(self._ends.items()))
            if ends > loop.time():
                self._timer = loop.call_at(ends, self._expire)
                return
            del self._ends[task]
            self._expired.add(task)
            task.cancel()
