"""The sessions of an owner in one store: every read and write of the session API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from session_service.database.encodings import holds
from session_service.database.errors import Forbidden, LayoutChanged, StatementFailed

from . import deleting, limits, reading, writing
from .documents import Parts
from .layout import Layout
from .listing import SessionQuery, read_page
from .long_page import LongPage, long_page
from .long_runs import WantedRuns, long_runs
from .long_session import long_session
from .owned import Owned, Statement
from .owner import Only, Owner
from .pieces import Item, LongRead, items
from .records import FirstRuns, FoundRun, ListedSession, Message, SessionPage, Shown, StoredSession
from .text import JsonText, storable

if TYPE_CHECKING:
    from .session_store import SessionStore


Result = TypeVar("Result")


class RunTaken(Exception):
    """An imported run has the id of a run that exists."""


class OwnedSessions:
    """The sessions that exist for an owner: none where there is no table, or where no row can have that owner."""

    def __init__(self, store: SessionStore, owner: Owner) -> None:
        self._store = store
        self._database = store.database
        self.owner = owner

    def _owned(self, layout: Layout) -> Owned:
        return Owned(layout, self._store.tables, self.owner)

    def _can_exist(self, *texts: str | None) -> bool:
        return self.owner.exists and storable(*texts)

    def _can_hold(self, layout: Layout, *texts: str | None) -> bool:
        owner = self.owner
        return holds(layout.encoding, owner.user_id if isinstance(owner, Only) else None, *texts)

    async def _found(self, work: Callable[[Owned], Awaitable[Result]], absent: Result, *texts: str | None) -> Result:
        """What `work` finds, or `absent` where no row can have one of these texts."""
        if not self._can_exist(*texts):
            return absent

        async def find(layout: Layout) -> Result:
            return await work(self._owned(layout)) if self._can_hold(layout, *texts) else absent

        return await self._store.on_layout(find, absent)

    async def page(self, query: SessionQuery, show: Callable[[ListedSession], Shown]) -> SessionPage[Shown] | None:
        """One page of sessions (`GET /sessions`), each as `show`, which is pure, makes it.

        None where it is too long to be read at once.
        """
        store = self._store
        empty: SessionPage[Shown] | None = SessionPage(0, [])
        return await self._found(
            lambda owned: read_page(self._database, owned, store.totals, store.rows, query, show, store.forget),
            empty,
            *(query.component_id, query.session_name),
        )

    async def session(self, session_id: str, shown_as: str | None = None) -> StoredSession | None:
        """A session by id, with what its name and chat history are made of.

        `shown_as` is the type that it is shown as, None for its own: each type makes names by rules of its own.
        """

        async def work(owned: Owned) -> StoredSession | None:
            rows = owned.read(await self._database.read(*reading.read_session(owned, session_id, shown_as)))
            return reading.stored_session(rows) if rows else None

        return await self._found(work, None, session_id)

    async def exists(self, session_id: str) -> bool:
        """Whether there is a session of this id."""

        async def work(owned: Owned) -> bool:
            return bool(await self._database.read(*reading.read_existence(owned, session_id)))

        return await self._found(work, False, session_id)

    async def run(self, session_id: str, run_id: str) -> FoundRun | None:
        """A session by id with its run of this id."""

        async def work(owned: Owned) -> FoundRun | None:
            wanted = run_id if storable(run_id) and self._can_hold(owned.layout, run_id) else ""
            rows = owned.read(await self._database.read(*reading.read_run(owned, session_id, wanted)))
            return reading.found_run(rows[0]) if rows else None

        return await self._found(work, None, session_id)

    async def first_runs(self, session_id: str) -> FirstRuns | None:
        """A session by id, with its runs as far as they can be read at once."""

        async def work(owned: Owned) -> FirstRuns | None:
            rows = owned.read(await self._database.read(*reading.read_first_runs(owned, session_id)))
            return reading.first_runs(rows) if rows else None

        return await self._found(work, None, session_id)

    def long_page(self, query: SessionQuery) -> AsyncGenerator[Item[LongPage], None]:
        """The same as `page`, session by session, each with the total: the total alone where the page has none."""
        return self._in_pieces(lambda owned: long_page(owned, query), query.component_id, query.session_name)

    def long_session(
        self, session_id: str, shown_as: str, message: Parts
    ) -> AsyncGenerator[Item[StoredSession | Message], None]:
        """A session by id, shown as this type, and then the messages of its chat history, each by these parts."""
        return self._in_pieces(lambda owned: long_session(owned, session_id, shown_as, message), session_id)

    def long_runs(self, session_id: str, wanted: WantedRuns) -> AsyncGenerator[Item[bytes], None]:
        """The runs of a session in stored order."""
        return self._in_pieces(lambda owned: long_runs(owned, session_id, wanted), session_id)

    async def _in_pieces(
        self, read: Callable[[Owned], LongRead[Shown]], *texts: str | None
    ) -> AsyncGenerator[Item[Shown], None]:
        if not self._can_exist(*texts):
            return
        for attempt in (1, 2):
            layout = await self._store.layout()
            if not layout.sessions_table or not self._can_hold(layout, *texts):
                return
            owned = self._owned(layout)
            long = read(owned)
            try:
                async with aclosing(self._database.stream(long.sql, long.parameters, limits.ROWS_AT_ONCE)) as batches:
                    async for item in items((owned.read(batch) async for batch in batches), long):
                        yield item
            except LayoutChanged:  # only ever before the first batch: an open cursor holds its tables
                self._store.forget()
                if attempt == 2:
                    raise
            else:
                return

    async def create(self, new: writing.NewSession) -> StoredSession | None:
        """Create a session; None if its id is taken. Missing tables are created first. Raises `RunTaken`."""
        store = self._store
        for attempt in (1, 2):
            layout = await store.layout()
            if not layout.sessions_table or (new.runs is not None and not layout.runs_table and layout.name == "v3"):
                await store.create_tables()
                layout = await store.layout()
            try:
                owned = self._owned(layout)
                rows = owned.read(await self._database.write(*writing.create(owned, new)))
            except LayoutChanged:  # nothing was inserted: the tables are looked for, and made, once more
                store.forget()
                if attempt == 2:
                    raise
            except StatementFailed as error:
                if error.reason == "23505":
                    raise RunTaken from None
                raise
            else:
                return reading.created_session(rows[0]) if rows else None
        raise AssertionError

    async def rename(self, session_id: str, session_type: str | None, name: JsonText) -> StoredSession | None:
        """Set the name (JSON text); None if there is no such session of this stored type."""
        return await self._change(session_id, lambda owned: writing.rename(owned, session_id, session_type, name))

    async def patch(self, session_id: str, changes: writing.SessionChanges) -> StoredSession | None:
        """Apply the changes; None if there is no such session."""
        return await self._change(session_id, lambda owned: writing.patch(owned, session_id, changes))

    async def _change(self, session_id: str, statement: Callable[[Owned], Statement]) -> StoredSession | None:
        async def work(owned: Owned) -> StoredSession | None:
            rows = owned.read(await self._database.write(*statement(owned)))
            return reading.stored_session(rows) if rows else None

        return await self._found(work, None, session_id)

    async def delete(self, session_ids: Sequence[str], *, orphans: bool = False) -> None:
        """Delete the sessions of these ids, with all that belongs to them (storage: `deleting`)."""
        possible = [session_id for session_id in session_ids if self._can_exist(session_id)]
        store = self._store

        async def work(owned: Owned) -> None:
            ids = [session_id for session_id in possible if self._can_hold(owned.layout, session_id)]
            as_known = not ids
            while not as_known:
                existing = await store.existing_dependants()
                statement = deleting.delete(owned, store.tables.dependants, existing, ids, orphans=orphans)
                try:
                    [(as_known,)] = await self._database.write(*statement)
                except Forbidden:  # perhaps on a table that we could delete from before
                    store.forget()
                    if await store.existing_dependants() == existing:
                        raise
                if not as_known:
                    store.forget()

        if possible:
            await self._found(work, None)
