"""Tries every database on its own schedule, so that its state is known also while nobody asks for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_service.database.database import State
from session_service.database.errors import DatabaseError
from session_service.store.session_store import SessionStore

FINE_SECONDS = 10.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 32.0


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What is known of one database id. `layout` is None until it was reached; `reason` tells why it is not serving."""

    id: str
    state: State
    reason: str | None
    layout: str | None

    @property
    def as_json(self) -> dict[str, str]:
        """The members that have a value; a DSN is none of them."""
        members = {"id": self.id, "state": self.state, "reason": self.reason, "layout": self.layout}
        return {key: value for key, value in members.items() if value is not None}


def _report(id: str, stores: Sequence[SessionStore]) -> DatabaseReport:
    """An id whose sources are in several databases is as well as the first of them that does not serve."""
    worst = next((store for store in stores if store.database.state != "serving"), stores[0])
    return DatabaseReport(id, worst.database.state, worst.database.reason, worst.layout_name)


class Prober:
    """Probes each source: connect, read the layout, check that sessions may be read."""

    def __init__(self, stores: Mapping[str, Sequence[SessionStore]], grace: float) -> None:
        self._stores = stores
        self._grace = grace
        self._tasks: list[asyncio.Task[None]] = []
        self._began = 0.0
        self._started = False
        self.draining = False

    def begin(self) -> None:
        """Start probing, in tasks of its own."""
        self._began = asyncio.get_running_loop().time()
        every = [store for stores in self._stores.values() for store in stores]
        self._tasks = [asyncio.create_task(self._watch(store)) for store in every]

    async def end(self) -> None:
        """Stop probing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, store: SessionStore) -> None:
        retry = FIRST_RETRY_SECONDS
        while True:
            try:
                await store.layout(fresh=True)
            except DatabaseError:
                pause, retry = retry, min(retry * 2, LONGEST_RETRY_SECONDS)
            else:
                pause, retry = FINE_SECONDS, FIRST_RETRY_SECONDS
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - many replicas must not knock at once

    def reports(self) -> list[DatabaseReport]:
        """One report per database id, in the order of the map."""
        return [_report(id, stores) for id, stores in self._stores.items()]

    @property
    def serving(self) -> bool:
        """Whether at least one database serves and we are not about to leave."""
        return not self.draining and any(report.state == "serving" for report in self.reports())

    @property
    def started(self) -> bool:
        """True from when each database was reached, or was merely out of reach for the grace period."""
        if not self._started:
            waited = asyncio.get_running_loop().time() - self._began >= self._grace
            allowed = {"serving", "unreachable"} if waited else {"serving"}
            self._started = all(report.state in allowed for report in self.reports())
        return self._started
