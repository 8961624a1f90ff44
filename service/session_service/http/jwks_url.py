"""Verification keys of a JWKS URL, which are renewed while the service runs and outlive an outage of the URL."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from yarl import URL

from session_service.database.retry import Retry
from session_service.http.jwks import Key, Keys, keys_of
from session_service.http.jwks_fetch import Unfetched, fetch

log = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """There are no keys to verify a token with: they were never fetched, or too long ago."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long what holds, in seconds.

    soonest, usual, latest: keys are fetched again after the time that the answer gives, within these limits.
    pause: an unknown `kid` has them fetched at once, but not sooner than this after the last time.
    longest_retry: a fetch that failed is repeated after 1, 2, 4 … seconds, this at the most.
    kept: keys that can't be renewed stay in use for so long.
    """

    soonest: float = 60.0
    usual: float = 300.0
    latest: float = 3600.0
    pause: float = 10.0
    longest_retry: float = 60.0
    kept: float = 24 * 3600.0


class JwksUrl:
    """Fetches the keys from when `follow` begins; `results` counts the tries.

    All who need a fetch wait for the same one.
    """

    def __init__(
        self, url: URL, algorithm: str, times: Times | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.results: Counter[Literal["ok", "failed"]] = Counter()
        self.problem: str | None = None
        self._url = url
        self._algorithm = algorithm
        self._times = times or Times()
        self._clock = clock
        self._keys: Keys = {}
        self._renewed_at = -math.inf
        self._tried_at = -math.inf
        self.due = -math.inf
        self._retry = Retry(self._times.longest_retry)
        self._fetching: asyncio.Task[None] | None = None
        self._rescheduled = asyncio.Event()

    @property
    def report(self) -> dict[str, str]:
        """What probes tell of them."""
        state = "missing" if not self.usable else "serving" if self.problem is None else "stale"
        return {"state": state} | ({} if self.problem is None else {"reason": self.problem})

    @property
    def age(self) -> float:
        """Seconds since the keys were fetched; infinite before."""
        return self._clock() - self._renewed_at

    @property
    def usable(self) -> bool:
        """Whether there are keys, and none too old."""
        return self.age < self._times.kept

    async def key(self, kid: str | None) -> Key | None:
        """The key of a `kid`, else the key that has no `kid`, else None. Raises KeysUnavailable."""
        if not self.usable or (kid is not None and kid not in self._keys):
            await self._renew_soon()
        if not self.usable:
            raise KeysUnavailable
        return self._keys.get(kid, self._keys.get(None))

    async def follow(self) -> None:
        """Keep the keys fresh until cancelled."""
        try:
            while True:
                self._rescheduled.clear()
                if self._clock() >= self.due:
                    await self._renew()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, self.due - self._clock())):
                        await self._rescheduled.wait()
        finally:
            if self._fetching is not None:
                self._fetching.cancel()
                await asyncio.wait([self._fetching])

    async def _renew_soon(self) -> None:
        if self._fetching is not None or self._clock() - self._tried_at >= self._times.pause:
            await self._renew()

    async def _renew(self) -> None:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)  # whoever leaves does not take it from the others

    async def _fetch(self) -> None:
        times = self._times
        try:
            answer = await fetch(self._url)
            self._keys = await asyncio.to_thread(keys_of, answer.text, self._algorithm)
        except Exception as error:  # nothing that the other side sends ends the following
            pause = self._retry.failed()
            self._failed(str(error) if isinstance(error, Unfetched | ValueError) else type(error).__name__)
        else:
            wanted = times.usual if answer.max_age is None else answer.max_age
            pause = min(max(wanted, times.soonest), times.latest)
            self._succeeded()
        finally:
            self._fetching = None
        self._tried_at = self._clock()
        self.due = self._tried_at + pause
        self._rescheduled.set()

    def _succeeded(self) -> None:
        if self.problem is not None or not self.usable:
            log.info("fetched the keys of AGNO_JWT_JWKS_URL: %d", len(self._keys))
        self.results["ok"] += 1
        self.problem = None
        self._renewed_at = self._clock()
        self._retry.succeeded()

    def _failed(self, problem: str) -> None:
        self.results["failed"] += 1
        if problem != self.problem:  # a URL that stays bad is told of once
            kept = "the previous ones stay in use" if self.usable else "tokens get 503"
            log.warning("the keys of AGNO_JWT_JWKS_URL can't be fetched, %s: %s", kept, problem)
        self.problem = problem
