"""A keyed work queue: each key waits once, is worked on by one worker at a time, and comes back later if it failed."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

logger = logging.getLogger(__name__)


class WorkQueue(Generic[K]):
    """Keys to work on. Belongs to one event loop.

    A key added while it is worked on is worked on once more afterwards. A failing key comes back after `first_delay`
    seconds, then twice that and so on up to `longest_delay`, a little less at random. A new event comes first.
    """

    def __init__(self, *, first_delay: float = 0.5, longest_delay: float = 300) -> None:
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._active: set[K] = set()
        self._again: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._moved = 0.0

    def add(self, key: K) -> None:
        """Ask for a key to be worked on, now."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            if self.idle():
                self._moved = time.monotonic()
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def idle(self) -> bool:
        """Whether nothing waits and nothing is worked on; keys that come back later do not count."""
        return not self._waiting and not self._active

    def stalled_for(self) -> float:
        """Seconds since a key was done last, or since there was one to do; 0 while there is none."""
        return 0.0 if self.idle() else time.monotonic() - self._moved

    async def work(self, handle: Callable[[K], Awaitable[float | None]]) -> None:
        """One worker: runs until cancelled. What `handle` returns is the seconds until the next look at the key."""
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._active.add(key)
            try:
                delay = await handle(key)
            except Exception as error:
                delay = self._backoff(key)
                logger.warning("%s: %s: %s; next try in %.1f s", key, type(error).__name__, error, delay)
                logger.debug("%s failed", key, exc_info=True)
            else:
                self._failures.pop(key, None)
            finally:
                self._active.discard(key)
                self._moved = time.monotonic()
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif delay is not None:
                self._timers[key] = asyncio.get_running_loop().call_later(delay, self.add, key)

    def _backoff(self, key: K) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(self._first_delay * 2.0 ** min(failures - 1, 32), self._longest_delay)
        return delay * random.uniform(0.8, 1)  # noqa: S311 - spreads load, guards nothing
