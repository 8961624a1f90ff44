"""The sessions of one source: the layout of its database, and access to its sessions on behalf of an owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from session_service.database.database import Database
from session_service.database.dsn_map import Source
from session_service.database.errors import LayoutChanged

from .deleting import existing_dependants
from .indexes import Index, missing_indexes
from .known_rows import Rows
from .layout import Layout, detect
from .owned_sessions import OwnedSessions
from .owner import Owner
from .schema import missing_tables
from .tables import Tables, catalog_name, quoted
from .totals import Totals

Result = TypeVar("Result")


class SessionStore:
    """The sessions table of one source, with its layout and tables.

    The layout is read once and remembered while both tables exist. It is read again when a statement meets a missing
    table or column, because agno's migration may run at the same time.
    """

    def __init__(self, database: Database, source: Source) -> None:
        self.database = database
        self.source = source
        self.table = source.session_table
        self.tables = Tables.of(source)
        self._layout: Layout | None = None
        self._dependants: frozenset[str] | None = None
        self.totals = Totals()
        self.rows = Rows()
        self.on_replica: SessionStore | None = None
        if database.replica is not None and source.replica is not None:
            self.on_replica = SessionStore(database.replica.database, source.replica)

    async def layout(self, *, fresh: bool = False) -> Layout:
        """The layout of the database; with `fresh` it is always read from the catalog."""
        if fresh or self._layout is None or not self._layout.settled:
            self._layout = await detect(self.database, self.tables)
        return self._layout

    @property
    def layout_name(self) -> str | None:
        """The last seen layout as one word; None before the first look."""
        return None if self._layout is None else self._layout.name

    def on_behalf_of(self, owner: Owner) -> OwnedSessions:
        """The sessions that exist for this owner: the only way to read or change any."""
        return OwnedSessions(self, owner)

    def forget(self) -> None:
        """Detect the layout again, because a statement met another one."""
        self._layout = self._dependants = None

    async def on_layout(self, work: Callable[[Layout], Awaitable[Result]], absent: Result) -> Result:
        """The result of `work` with the current layout, or `absent` without a sessions table."""
        for attempt in (1, 2):
            layout = await self.layout()
            if not layout.sessions_table:
                return absent
            try:
                return await work(layout)
            except LayoutChanged:
                self.forget()
                if attempt == 2:
                    raise
        raise AssertionError

    async def existing_dependants(self) -> frozenset[str]:
        """The existing tables whose rows are deleted with a session; remembered until a delete finds others."""
        if self._dependants is None:
            self._dependants = await existing_dependants(self.database, self.tables.dependants)
        return self._dependants

    async def has_table(self, name: str) -> bool:
        """Whether a table of this name is in the store's schema."""
        table = catalog_name(f"{self.tables.schema}.{quoted(name)}")
        [(exists,)] = await self.database.read("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(exists)

    async def schemas_with_sessions(self) -> list[str]:
        """The schemas that have a table with the name of the sessions table and that our role may use."""
        rows = await self.database.read(
            """SELECT n.nspname::varchar FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_schema_privilege(n.oid, 'USAGE')
            ORDER BY 1""",
            [self.table],
        )
        return [name for (name,) in rows]

    async def missing_indexes(self) -> list[tuple[Index, list[str]]]:
        """The proposed indexes that are missing, each with its statements; none without a table."""
        if not (await self.layout(fresh=True)).sessions_table:
            return []
        return await missing_indexes(self.database, self.tables)

    async def missing_tables(self) -> list[str]:
        """The SQL that would create agno's missing tables."""
        return missing_tables(await self.layout(), self.tables)

    async def create_tables(self) -> None:
        """Create agno's missing tables in one transaction."""
        statements = await self.missing_tables()
        if statements:
            await self.database.write_together(statements)
        self._layout = None
