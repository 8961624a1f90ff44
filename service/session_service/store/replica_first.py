"""Reads of one request from a read-only replica, and from the primary for what the replica can't tell."""

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
    """Whom one request that only reads should ask, on behalf of this owner."""
    primary, replica = store.on_behalf_of(owner), store.database.replica
    if store.on_replica is None or replica is None or not replica.usable:
        return primary
    return ReplicaFirst(store.on_replica.on_behalf_of(owner), primary)


class ReplicaFirst:
    """Asks the replica. What it does not find there, or fails to, it asks of the primary, and stays there.

    It stays, so that a request never sees the state of the primary first and then an older one. A statement that ran
    out of time is not tried twice.
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
        """A page of sessions; an empty list is never taken from the replica."""
        return await self._ask(lambda sessions: sessions.page(query, show), lambda page: page is None or page.total)

    def long_page(self, query: SessionQuery) -> AsyncGenerator[Item[LongPage], None]:
        """The same in pieces."""
        return self._ask_long(lambda sessions: sessions.long_page(query), lambda item: item.row[0])

    async def session(self, session_id: str, shown_as: str | None = None) -> StoredSession | None:
        """A session with all that its detail shows; that it does not exist is never taken from the replica."""
        return await self._ask(lambda sessions: sessions.session(session_id, shown_as), bool)

    def long_session(
        self, session_id: str, shown_as: str, message: Parts
    ) -> AsyncGenerator[Item[StoredSession | Message], None]:
        """The same in pieces."""
        return self._ask_long(lambda sessions: sessions.long_session(session_id, shown_as, message))

    async def run(self, session_id: str, run_id: str) -> FoundRun | None:
        """A run; that it does not exist is never taken from the replica."""
        return await self._ask(
            lambda sessions: sessions.run(session_id, run_id), lambda found: found is not None and found.run is not None
        )

    async def first_runs(self, session_id: str) -> FirstRuns | None:
        """A session with its first runs; that it does not exist is never taken from the replica."""
        return await self._ask(lambda sessions: sessions.first_runs(session_id), bool)

    def long_runs(self, session_id: str, wanted: WantedRuns) -> AsyncGenerator[Item[bytes], None]:
        """The runs of a session in pieces."""
        return self._ask_long(lambda sessions: sessions.long_runs(session_id, wanted))

    async def _ask_long(
        self,
        work: Callable[[OwnedSessions], AsyncGenerator[Result, None]],
        found: Callable[[Result], object] = lambda _: True,
    ) -> AsyncGenerator[Result, None]:
        """The same for what comes item by item. Once the first was given a failure is final."""
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
