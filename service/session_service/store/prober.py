"""Tries every database on a schedule, so that its state is also known without requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from session_service.database.database import State
from session_service.database.errors import DatabaseError
from session_service.database.replica import Replica, ReplicaState
from session_service.database.retry import Retry
from session_service.store.session_store import SessionStore
from session_service.store.store_map import LiveStores

FINE_SECONDS = 10.0
REPLICA_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 32.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """The state of one database id. `layout` is None until it was reached; `reason` says why it does not serve.

    `column` is the unreadable column of agno's tables, if that is the reason.
    """

    id: str
    state: State
    reason: str | None
    layout: str | None
    replica: ReplicaState | None = None
    column: str | None = None

    @property
    def as_json(self) -> dict[str, str]:
        """The members that have a value. None of them is a DSN."""
        members = {
            "id": self.id,
            "state": self.state,
            "reason": self.reason,
            "column": self.column,
            "layout": self.layout,
            "replica": self.replica,
        }
        return {key: value for key, value in members.items() if value is not None}


def _report(id: str, stores: Sequence[SessionStore]) -> DatabaseReport:
    """The report of an id: if its sources are in several databases, of the first that does not serve."""
    worst = next((store for store in stores if store.database.state != "serving"), stores[0])
    replica = worst.database.replica
    state = None if replica is None else replica.state
    database = worst.database
    column = database.column if database.state == "refused" else None
    return DatabaseReport(id, database.state, database.reason, worst.layout_name, state, column)


def empty_schema(store: SessionStore, found: Sequence[str]) -> tuple[str, ...]:
    """A log message if the schema of a store has no sessions but others have: it says how to choose one."""
    return (
        "database %s: schema %r has no table %s, but there is one in: %s. To serve that, set AGNO_SESSION_SCHEMA, or "
        "schema in the DSN map",
        store.database.id,
        store.source.schema,
        store.table,
        ", ".join(found),
    )


class Prober:
    """Probes each source: connect, read the layout, check that sessions may be read."""

    def __init__(self, live: LiveStores, grace: float) -> None:
        self._live = live
        self._grace = grace
        self._tasks: dict[SessionStore | Replica, asyncio.Task[None]] = {}
        self._began = 0.0
        self._started = False
        self.draining = False

    def begin(self) -> None:
        """Start probing, in separate tasks."""
        self._began = asyncio.get_running_loop().time()
        self.follow()

    def follow(self) -> None:
        """Probe exactly the databases that are live now."""
        stores = self._live.current.stores
        replicas = {store.database.replica for store in stores}
        wanted: set[SessionStore | Replica] = {*stores, *(replica for replica in replicas if replica is not None)}
        for gone in self._tasks.keys() - wanted:
            self._tasks.pop(gone).cancel()
        for new in wanted - self._tasks.keys():
            watching = self._watch(new) if isinstance(new, SessionStore) else self._watch_replica(new)
            self._tasks[new] = asyncio.create_task(watching)

    async def end(self) -> None:
        """Cancel the probing tasks, and wait until they have ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _watch(self, store: SessionStore) -> None:
        retry = Retry(LONGEST_RETRY_SECONDS)
        told: str | None = None
        elsewhere: list[str] = []
        while True:
            try:
                layout = await store.layout(fresh=True)
                if not layout.sessions_table:
                    found = await store.schemas_with_sessions()
                    if found and found != elsewhere:
                        log.warning(*empty_schema(store, found))
                    elsewhere = found
            except DatabaseError as error:
                if error.reason != told:
                    told = error.reason
                    log.warning("database %s: %s (%s)", store.database.id, error, told)
                pause = retry.failed()
            else:
                if told is not None:
                    told = None
                    log.info("database %s serves again", store.database.id)
                retry.succeeded()
                pause = FINE_SECONDS
            await asyncio.sleep(pause)

    async def _watch_replica(self, replica: Replica) -> None:
        retry = Retry(LONGEST_RETRY_SECONDS)
        told: ReplicaState = "serving"
        while True:
            try:
                await replica.observe()
            except DatabaseError:
                pause = retry.failed()
            else:
                retry.succeeded()
                pause = REPLICA_SECONDS
            if replica.state != told:
                told = replica.state
                words = replica.database.id, told, replica.database.reason or "-"
                level = logging.INFO if told == "serving" else logging.WARNING
                log.log(level, "the replica of database %s: %s (%s)", *words)
            await asyncio.sleep(pause)

    def reports(self) -> list[DatabaseReport]:
        """One report per database id, in the order of the map."""
        return [_report(id, stores) for id, stores in self._live.current.by_id.items()]

    @property
    def serving(self) -> bool:
        """Whether at least one database or its replica serves, and the process is not draining."""
        return not self.draining and any("serving" in (report.state, report.replica) for report in self.reports())

    @property
    def patience_ended(self) -> bool:
        """Whether startup no longer waits for unreachable databases."""
        return asyncio.get_running_loop().time() - self._began >= self._grace

    @property
    def started(self) -> bool:
        """True once each database was reached, or was unreachable for the whole grace period."""
        if not self._started:
            allowed = {"serving", "unreachable"} if self.patience_ended else {"serving"}
            self._started = all(report.state in allowed for report in self.reports())
        return self._started
