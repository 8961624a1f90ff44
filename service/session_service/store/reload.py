"""Watches the file of the DSN map: checks a changed map, then uses or rejects it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from session_service.database.dsn_map import BadDsnMap, DsnFile, DsnMap
from session_service.database.errors import DatabaseError
from session_service.database.retry import Retry

from .session_store import SessionStore
from .store_map import LiveStores, StoreMap

LOOK_EVERY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 32.0

_Version = tuple[int, int, int] | None

log = logging.getLogger(__name__)


class Reloader:
    """Checks the file every second, and at once on request.

    A map is used once each new or changed database in it is reached and readable. Otherwise it is rejected. If a
    database was the reason, it is tried again after 1 to 32 seconds, because a password often changes on the server
    a moment later than in the file. `results` counts every try at a map that differs from the one in use.
    """

    def __init__(
        self,
        file: DsnFile,
        live: LiveStores,
        applied: Callable[[], None] = lambda: None,
    ) -> None:
        self.results: Counter[Literal["applied", "refused"]] = Counter()
        self._file = file
        self._path = file.path
        self._live = live
        self._applied = applied
        self._asked = asyncio.Event()
        self._version: _Version = None
        self._retry = Retry(LONGEST_RETRY_SECONDS)
        self._told: str | None = None

    def look(self) -> None:
        """Read the file now, even if it seems unchanged."""
        self._asked.set()

    async def follow(self) -> None:
        """Follow the file until cancelled."""
        while True:
            asked = self._asked.is_set()
            self._asked.clear()
            version = _version(self._path)
            due = self._retry.failures > 0 and not self._retry.seconds_left
            if asked or version != self._version:
                self._version = version
                self._retry.succeeded()
                await self._reload(asked)
            elif due:
                await self._reload(asked)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self._asked.wait()

    async def _reload(self, asked: bool) -> None:
        try:
            dsn_map = self._file.load()
            if dsn_map == self._live.current.dsn_map:
                if asked or self._told:
                    log.info("the DSN map of %s is the one in use", self._path)
                self._told = None
                return
            stores = await self._checked(dsn_map)
        except BadDsnMap as error:
            self._refuse(str(error), asked)
        except _Unfit as error:
            self._retry.failed()
            self._refuse(str(error), asked)
        else:
            former = self._live.current
            self._live.exchange(stores)
            self._applied()
            self.results["applied"] += 1
            self._retry.succeeded()
            self._told = None
            log.info("the changed DSN map of %s is in use: %s", self._path, _difference(former, stores))

    async def _checked(self, dsn_map: DsnMap) -> StoreMap:
        stores = StoreMap.open(dsn_map, self._live.current)
        new = set(stores.stores).difference(self._live.current.stores)
        fit = False
        try:
            problems = await asyncio.gather(*(_problem(store) for store in new))
            found = sorted({problem for problem in problems if problem is not None})
            fit = not found
        finally:
            if not fit:
                for database in stores.databases - self._live.current.databases:
                    await database.close()
        if found:
            raise _Unfit("; ".join(found))
        return stores

    def _refuse(self, reason: str, asked: bool) -> None:
        self.results["refused"] += 1
        # a map that stays invalid is reported once
        if asked or reason != self._told:
            log.error("the changed DSN map of %s is rejected, the previous one stays in use: %s", self._path, reason)
        self._told = reason


class _Unfit(Exception):
    """Databases of the map are not usable; the message names each with its reason."""


async def _problem(store: SessionStore) -> str | None:
    try:
        await store.layout(fresh=True)
    except DatabaseError as error:
        return f"{store.database.id}: {error.reason}"
    return None


def _version(path: Path) -> _Version:
    """A value that changes when a file is written, or replaced as in a mounted Secret of Kubernetes."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _difference(former: StoreMap, stores: StoreMap) -> str:
    """The ids that were added, removed or changed, without their values, which are secret."""
    old, new = former.by_id, stores.by_id
    kinds = {
        "added": [id for id in new if id not in old],
        "removed": [id for id in old if id not in new],
        "changed": [id for id in new if id in old and list(new[id]) != list(old[id])],
    }
    words = [f"{kind} {', '.join(ids)}" for kind, ids in kinds.items() if ids]
    return "; ".join(words) or "another default"
