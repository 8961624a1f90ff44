"""Sessions of one source: every read and write of the session API, on whatever layout the database has now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from session_service.database.database import Database
from session_service.database.dsn_map import Source
from session_service.database.errors import LayoutChanged, StatementFailed

from . import deleting, reading, writing
from .indexes import Index, missing_indexes
from .known_rows import Rows
from .layout import Layout, detect
from .listing import SessionQuery, read_page
from .records import FirstRuns, ListedSession, SessionPage, SessionRecord, Shown, StoredSession
from .schema import missing_tables
from .tables import Tables, catalog_name, quoted
from .text import storable
from .totals import Totals

Result = TypeVar("Result")

# a history of so many runs is read by one statement; a longer one is streamed, and so many are held at once
MOST_AT_ONCE = 64
RUNS_PER_BATCH = 32


class RunTaken(Exception):
    """An imported run has the id of a run that exists."""


class SessionStore:
    """The sessions table of one source with what belongs to it. An absent table holds no session.

    The layout is asked for once and remembered while both tables exist, and asked for anew when a statement meets a
    missing table or column: agno's migration may run while we do.
    """

    def __init__(self, database: Database, source: Source) -> None:
        self.database = database
        self.source = source
        self.table = source.session_table
        self.tables = Tables.of(source)
        self._layout: Layout | None = None
        self._dependants: frozenset[str] | None = None
        self._totals = Totals()
        self._rows = Rows()
        self.on_replica: SessionStore | None = None
        if database.replica is not None and source.replica is not None:
            self.on_replica = SessionStore(database.replica.database, source.replica)

    async def layout(self, *, fresh: bool = False) -> Layout:
        """What the database holds now; with `fresh` it is asked in any case."""
        if fresh or self._layout is None or not self._layout.settled:
            self._layout = await detect(self.database, self.tables)
        return self._layout

    @property
    def layout_name(self) -> str | None:
        """The layout in one word as it was seen last; None if it never was."""
        return None if self._layout is None else self._layout.name

    async def _on_layout(self, work: Callable[[Layout], Awaitable[Result]], absent: Result) -> Result:
        for attempt in (1, 2):
            layout = await self.layout()
            if not layout.sessions_table:
                return absent
            try:
                return await work(layout)
            except LayoutChanged:
                self._layout = self._dependants = None
                if attempt == 2:
                    raise
        raise AssertionError

    async def page(self, query: SessionQuery, show: Callable[[ListedSession], Shown]) -> SessionPage[Shown]:
        """One page of sessions (`GET /sessions`), each as `show`, which is pure, makes it."""
        empty: SessionPage[Shown] = SessionPage(0, [])
        if query.matches_nothing:
            return empty
        return await self._on_layout(
            lambda layout: read_page(self.database, layout, self.tables, self._totals, self._rows, query, show), empty
        )

    async def session(self, session_id: str, user_id: str | None, shown_as: str | None = None) -> StoredSession | None:
        """A session by id, of this owner if one is given, with what its name and chat history are made of.

        `shown_as` is the type that it is shown as, None for its own: each type makes names by rules of its own.
        """
        if not storable(session_id, user_id):
            return None

        async def work(layout: Layout) -> StoredSession | None:
            rows = await self.database.read(*reading.read_session(layout, self.tables, session_id, user_id, shown_as))
            return reading.stored_session(rows) if rows else None

        return await self._on_layout(work, None)

    async def record(self, session_id: str, user_id: str | None) -> SessionRecord | None:
        """The row of a session by id, of this owner if one is given."""
        if not storable(session_id, user_id):
            return None

        async def work(_: Layout) -> SessionRecord | None:
            rows = await self.database.read(*reading.read_record(self.tables, session_id, user_id))
            return reading.record(rows[0]) if rows else None

        return await self._on_layout(work, None)

    async def run(self, session_id: str, run_id: str) -> tuple[bytes | None, bool]:
        """The run of this id as JSON text, None if there is none; and whether the session has any run."""

        async def work(layout: Layout) -> tuple[bytes | None, bool]:
            wanted = run_id if storable(run_id) else ""
            rows = await self.database.read(*reading.read_run(layout, self.tables, session_id, wanted))
            return rows[0] if rows else (None, False)

        return await self._on_layout(work, (None, False))

    async def first_runs(self, session_id: str, user_id: str | None) -> FirstRuns | None:
        """A session by id, of this owner if one is given, with so many runs as memory holds at once."""
        if not storable(session_id, user_id):
            return None

        async def work(layout: Layout) -> FirstRuns | None:
            statement = reading.read_first_runs(layout, self.tables, session_id, user_id, MOST_AT_ONCE + 1)
            rows = await self.database.read(*statement)
            if not rows:
                return None
            runs = [row[14] for row in rows if row[14] is not None]
            return FirstRuns(reading.record(rows[0]), runs[:MOST_AT_ONCE], len(runs) <= MOST_AT_ONCE)

        return await self._on_layout(work, None)

    async def runs(self, session_id: str) -> AsyncGenerator[bytes, None]:
        """The runs of a session in stored order, each as JSON text; memory holds one batch of them."""
        for attempt in (1, 2):
            layout = await self.layout()
            if not layout.sessions_table:
                return
            try:
                sql, parameters = reading.read_runs(layout, self.tables, session_id)
                async with aclosing(self.database.stream(sql, parameters, RUNS_PER_BATCH)) as batches:
                    async for rows in batches:
                        for (run,) in rows:
                            yield run
            except LayoutChanged:  # only ever before the first batch: an open cursor holds its tables
                self._layout = None
                if attempt == 2:
                    raise
            else:
                return

    async def create(self, new: writing.NewSession) -> SessionRecord | None:
        """Create a session; None if its id is taken. Missing tables are created first. Raises `RunTaken`."""
        for attempt in (1, 2):
            layout = await self.layout()
            if not layout.sessions_table or (new.runs is not None and not layout.runs_table and layout.name == "v3"):
                await self.create_tables()
                layout = await self.layout()
            try:
                rows = await self.database.write(*writing.create(layout, self.tables, new))
            except LayoutChanged:  # nothing was inserted: the tables are looked for, and made, once more
                self._layout = None
                if attempt == 2:
                    raise
            except StatementFailed as error:
                if error.reason == "23505":
                    raise RunTaken from None
                raise
            else:
                return reading.record(rows[0]) if rows else None
        raise AssertionError

    async def rename(
        self, session_id: str, session_type: str | None, user_id: str | None, name: str
    ) -> StoredSession | None:
        """Set the name (JSON text); None if there is no such session of this stored type and owner."""
        return await self._change(
            (session_id, user_id),
            lambda layout: writing.rename(layout, self.tables, session_id, session_type, user_id, name),
        )

    async def patch(
        self, session_id: str, user_id: str | None, changes: writing.SessionChanges
    ) -> StoredSession | None:
        """Apply the changes; None if there is no such session of this owner."""
        return await self._change(
            (session_id, user_id), lambda layout: writing.patch(layout, self.tables, session_id, user_id, changes)
        )

    async def _change(
        self, which: tuple[str, str | None], statement: Callable[[Layout], reading.Statement]
    ) -> StoredSession | None:
        if not storable(*which):
            return None

        async def work(layout: Layout) -> StoredSession | None:
            rows = await self.database.write(*statement(layout))
            return reading.stored_session(rows) if rows else None

        return await self._on_layout(work, None)

    async def delete(self, session_ids: Sequence[str], user_id: str | None, *, orphans: bool = False) -> None:
        """Delete the sessions of these ids and of this owner, with all that belongs to them (storage: `deleting`)."""
        ids = [session_id for session_id in session_ids if storable(session_id, user_id)]

        async def work(layout: Layout) -> None:
            while True:
                existing = self._dependants
                if existing is None:
                    existing = self._dependants = await deleting.dependants(self.database, self.tables)
                statement = deleting.delete(layout, self.tables, existing, ids, user_id, orphans=orphans)
                [(as_known,)] = await self.database.write(*statement)
                if as_known:
                    return
                self._dependants = None

        if ids:
            await self._on_layout(work, None)

    async def has_table(self, name: str) -> bool:
        """Whether a table of this name is in the store's schema."""
        table = catalog_name(f"{self.tables.schema}.{quoted(name)}")
        [(exists,)] = await self.database.read("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(exists)

    async def missing_indexes(self) -> list[tuple[Index, list[str]]]:
        """The proposed indexes that are missing here, each with its statements; none where there is no table."""
        if not (await self.layout(fresh=True)).sessions_table:
            return []
        return await missing_indexes(self.database, self.tables)

    async def missing_tables(self) -> list[str]:
        """The SQL that would create agno's missing tables here."""
        return missing_tables(await self.layout(), self.tables)

    async def create_tables(self) -> None:
        """Create agno's missing tables; the statements of one string are one transaction."""
        statements = await self.missing_tables()
        if statements:
            await self.database.write("; ".join(statements))
        self._layout = None
