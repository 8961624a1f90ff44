"""Reads of one request from a read-only replica, and from the primary if the replica can't answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

from session_service.database.errors import DatabaseError, TimedOut

from .documents import Parts
from .listing import SessionQuery
from .long_page import LongPage
from .long_runs import WantedRuns
from .owned_sessions import OwnedSessions
from .owner import Owner
from .pieces import Item
from .records import FirstRuns, FoundRun, ListedSession, Message, SessionPage, Shown, StoredSession
from .session_store import SessionStore

Result = TypeVar("Result")


class SessionReader(Protocol):
    """The reads of `OwnedSessions`."""

    async def page(self, query: SessionQuery, show: Callable[[ListedSession], Shown]) -> SessionPage[Shown] | None: ...

    def long_page(self, query: SessionQuery) -> AsyncGenerator[Item[LongPage], None]: ...

    async def session(self, session_id: str, shown_as: str | None = None) -> StoredSession | None: ...

    def long_session(
        self, session_id: str, shown_as: str, message: Parts
    ) -> AsyncGenerator[Item[StoredSession | Message], None]: ...

    async def run(self, session_id: str, run_id: str) -> FoundRun | None: ...

    async def first_runs(self, session_id: str) -> FirstRuns | None: ...

    def long_runs(self, session_id: str, wanted: WantedRuns) -> AsyncGenerator[Item[bytes], None]: ...


def reader(store: SessionStore, owner: Owner) -> SessionReader:
    """The reader for one read-only request, on behalf of this owner."""
    primary, replica = store.on_behalf_of(owner), store.database.replica
    if store.on_replica is None or replica is None or not replica.usable:
        return primary
    return ReplicaFirst(store.on_replica.on_behalf_of(owner), primary)


class ReplicaFirst:
    """Asks the replica. If that finds nothing or fails, it asks the primary, and stays there.

    It stays there so that a request never sees an older state after a newer one. It does not repeat a statement that
    timed out.
    """

    def __init__(self, replica: OwnedSessions, primary: OwnedSessions) -> None:
        self._replica: OwnedSessions | None = replica
        self._primary = primary

    async def _ask(
        self, work: Callable[[OwnedSessions], Awaitable[Result]], found: Callable[[Result], object] = lambda _: True
    ) -> Result:
        if self._replica is not None:
            try:
                result = await work(self._replica)
            except TimedOut:
                raise
            except DatabaseError:
                pass
            else:
                if found(result):
                    return result
            self._replica = None
        return await work(self._primary)

    async def page(self, query: SessionQuery, show: Callable[[ListedSession], Shown]) -> SessionPage[Shown] | None:
        """A page of sessions. An empty list of the replica is not accepted."""
        return await self._ask(lambda sessions: sessions.page(query, show), lambda page: page is None or page.total)

    def long_page(self, query: SessionQuery) -> AsyncGenerator[Item[LongPage], None]:
        """The same in pieces."""
        return self._ask_long(lambda sessions: sessions.long_page(query), lambda item: item.row[0])

    async def session(self, session_id: str, shown_as: str | None = None) -> StoredSession | None:
        """A session with everything that its detail shows. A missing session of the replica is not accepted."""
        return await self._ask(lambda sessions: sessions.session(session_id, shown_as), bool)

    def long_session(
        self, session_id: str, shown_as: str, message: Parts
    ) -> AsyncGenerator[Item[StoredSession | Message], None]:
        """The same in pieces."""
        return self._ask_long(lambda sessions: sessions.long_session(session_id, shown_as, message))

    async def run(self, session_id: str, run_id: str) -> FoundRun | None:
        """A run. A missing run of the replica is not accepted."""
        return await self._ask(
            lambda sessions: sessions.run(session_id, run_id), lambda found: found is not None and found.run is not None
        )

    async def first_runs(self, session_id: str) -> FirstRuns | None:
        """A session with its first runs. A missing session of the replica is not accepted."""
        return await self._ask(lambda sessions: sessions.first_runs(session_id), bool)

    def long_runs(self, session_id: str, wanted: WantedRuns) -> AsyncGenerator[Item[bytes], None]:
        """The runs of a session in pieces."""
        return self._ask_long(lambda sessions: sessions.long_runs(session_id, wanted))

    async def _ask_long(
        self,
        work: Callable[[OwnedSessions], AsyncGenerator[Result, None]],
        found: Callable[[Result], object] = lambda _: True,
    ) -> AsyncGenerator[Result, None]:
        """The same for answers that come item by item. After the first item, a failure is final."""
        given = False
        if self._replica is not None:
            try:
                async with aclosing(work(self._replica)) as items:
                    async for item in items:
                        if not given and not found(item):
                            break
                        given = True
                        yield item
            except TimedOut:
                raise
            except DatabaseError:
                if given:
                    raise
            if given:
                return
            self._replica = None
        async with aclosing(work(self._primary)) as items:
            async for item in items:
                yield item
