"""Proposes indexes that keep pages of large tables cheap; agno creates none for owners and components."""

from __future__ import annotations

from dataclasses import dataclass

from session_service.database.database import Database

from .tables import Tables, catalog_name, quoted

# keys as pg_get_indexdef prints them, for comparison with existing indexes
_TIME = "COALESCE(updated_at, created_at)"


@dataclass(frozen=True, slots=True)
class Index:
    """One proposed index of the sessions table: the suffix of its name, its key columns, and its rows."""

    suffix: str
    keys: tuple[str, ...]
    where: str | None
    serves: str

    def name(self, tables: Tables) -> str:
        """The name by agno's convention, truncated as Postgres does."""
        return f"idx_{tables.session_table_name}_{self.suffix}".encode()[:63].decode(errors="ignore")

    def statement(self, tables: Tables) -> str:
        """CREATE INDEX CONCURRENTLY, during which others read and write; it can't run in a transaction."""
        where = f" WHERE {self.where}" if self.where else ""
        # includes the type, so that a count by type need not read the rows
        return (
            f"CREATE INDEX CONCURRENTLY {quoted(self.name(tables))} ON {tables.sessions} "
            f"({', '.join(self.keys)}) INCLUDE (session_type){where}"
        )

    def drop(self, tables: Tables) -> str:
        """DROP INDEX for the remains of a failed attempt."""
        return f"DROP INDEX CONCURRENTLY {tables.schema}.{quoted(self.name(tables))}"


_COMPONENTS = ("agent_id", "team_id", "workflow_id")
PROPOSED = (
    Index("page", ("created_at", "session_id"), None, "pages in the order of creation"),
    Index("page_updated", (_TIME, "session_id"), None, "pages with sort_by=updated_at"),
    Index("page_user_id", ("user_id", "created_at", "session_id"), None, "pages of an owner"),
    *(
        Index(f"page_{column}", (column, "created_at", "session_id"), f"({column} IS NOT NULL)", f"pages by {column}")
        for column in _COMPONENTS
    ),
)

_EXISTING = """
SELECT i.relname::varchar, x.indisvalid, pg_get_expr(x.indpred, x.indrelid)::varchar,
    ARRAY(SELECT pg_get_indexdef(x.indexrelid, k, true) FROM generate_series(1, x.indnkeyatts) k)::varchar[]
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = to_regclass(%s)"""


async def missing_indexes(database: Database, tables: Tables) -> list[tuple[Index, list[str]]]:
    """Proposed indexes without a valid substitute, each with the statements that create it, in order.

    An index is a substitute if its keys begin with the same ones and it contains the same rows, or all.
    """
    existing = await database.read(_EXISTING, [catalog_name(tables.sessions)])
    missing = []
    for index in PROPOSED:
        length = len(index.keys)
        if any(
            valid and predicate in (None, index.where) and tuple(keys[:length]) == index.keys
            for _, valid, predicate, keys in existing
        ):
            continue
        remains = any(name == index.name(tables) and not valid for name, valid, _, _ in existing)
        missing.append((index, [*([index.drop(tables)] if remains else []), index.statement(tables)]))
    return missing
