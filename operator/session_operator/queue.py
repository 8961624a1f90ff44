"""A keyed work queue: a key waits once, has one worker at a time, and comes back later if it failed.

Keys of different owners take turns, so that no owner waits for all keys of another.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    added: float
    begun: float


class WorkQueue(Generic[K]):
    """Keys to work on; their owners take turns. Belongs to one event loop.

    A key that is added during its work is worked on once more. A failing key comes back after `first_delay` seconds,
    then twice that and so on, up to `longest_delay`, each a little less at random; a new event does not wait for it.
    Work on a key fails after `longest_work` seconds.
    """

    def __init__(
        self,
        owner: Callable[[K], Hashable] = lambda _: None,
        *,
        first_delay: float = 0.5,
        longest_delay: float = 300,
        longest_work: float = 60,
    ) -> None:
        self._owner = owner
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._longest_work = longest_work
        self._lines: dict[Hashable, deque[K]] = {}
        self._turns: asyncio.Queue[Hashable] = asyncio.Queue()
        self._waiting: dict[K, float] = {}
        self._active: dict[K, _Work] = {}
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._moved = 0.0

    def add(self, key: K) -> None:
        """Queue a key to be worked on now."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            if self.idle():
                self._moved = time.monotonic()
            self._waiting[key] = time.monotonic()
            self._stand_in_line(key)

    def idle(self) -> bool:
        """Whether no key waits and none is being worked on; keys that come back later do not count."""
        return not self._waiting and not self._active

    def depth(self) -> int:
        """The number of waiting keys."""
        return len(self._waiting)

    def oldest(self) -> float:
        """Seconds since the oldest unfinished key was added; 0 if there is none."""
        added = [*self._waiting.values(), *(work.added for work in self._active.values())]
        return time.monotonic() - min(added) if added else 0.0

    def stalled_for(self) -> float:
        """Seconds without progress: since a key was last finished or its work began; 0 if no key waits."""
        if self.idle():
            return 0.0
        return time.monotonic() - min(self._moved, *(work.begun for work in self._active.values()), math.inf)

    async def work(self, handle: Callable[[K], Awaitable[float | None]]) -> None:
        """Run one worker until cancelled. `handle` returns the seconds until the next look at the key, or None."""
        while True:
            key = await self._next()
            self._active[key] = _Work(added=self._waiting.pop(key), begun=time.monotonic())
            try:
                async with asyncio.timeout(self._longest_work):
                    delay = await handle(key)
            except Exception as error:
                delay = self._backoff(key)
                logger.warning("%s: %s: %s; next try in %.1f s", key, type(error).__name__, error, delay)
                logger.debug("%s failed", key, exc_info=True)
            else:
                self._failures.pop(key, None)
            finally:
                del self._active[key]
                self._moved = time.monotonic()
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif delay is not None:
                self._timers[key] = asyncio.get_running_loop().call_later(delay, self.add, key)

    def _stand_in_line(self, key: K) -> None:
        owner = self._owner(key)
        if owner not in self._lines:
            self._lines[owner] = deque()
            self._turns.put_nowait(owner)
        self._lines[owner].append(key)

    async def _next(self) -> K:
        owner = await self._turns.get()
        line = self._lines[owner]
        key = line.popleft()
        if line:
            self._turns.put_nowait(owner)  # behind all others
        else:
            del self._lines[owner]
        return key

    def _backoff(self, key: K) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(self._first_delay * 2.0 ** min(failures - 1, 32), self._longest_delay)
        return delay * random.uniform(0.8, 1)  # noqa: S311 - spreads load, guards nothing
