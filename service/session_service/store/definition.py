"""What the catalog says of both tables, as a text that changes with it, where their rows alone say what a page shows.

A page is remembered on the word of the rows that it read: who wrote them, and that nobody has written since. That is
worth nothing where the rows are elsewhere or something else has a say: of a foreign table or a view, under a policy,
which may ask for the time or the role, with children, whose rows come and go with them, of another kind of storage, or
where an extension spreads a table over servers. Nor does a row tell when a column of it was renamed, or dropped and
added again.

So nothing is remembered unless both tables are plain ones, and for longer than their definition is the same one: these
rows of `pg_class` and `pg_attribute`, told by the transactions that wrote them, in this life of the server. Whatever
rewrites a table or moves its rows (VACUUM FULL, CLUSTER, TRUNCATE, ALTER TABLE) writes its row of `pg_class` too.
"""

from __future__ import annotations

from dataclasses import dataclass

from .columns import RUN_COLUMNS, SESSION_COLUMNS
from .tables import Tables, catalog_name

_READ = ", ".join(f"'{name}'" for name in {*SESSION_COLUMNS, *RUN_COLUMNS, "runs"})
# the first id of a type that somebody made: of such a type a value may change without its row, as the label of an enum
_NOT_BUILT_IN = 16384

_TABLES = "IN (to_regclass(%s), to_regclass(%s))"

# 2 is `heap` on every server; Citus has its rows elsewhere, and says of which tables in pg_dist_partition
_PLAIN = """c.relkind = 'r' AND c.relam = 2 AND NOT c.relhassubclass AND NOT c.relrowsecurity
    AND to_regclass('pg_catalog.pg_dist_partition') IS NULL"""

SERVER = "extract(epoch FROM pg_postmaster_start_time())::text"
"""This life of the server."""

DEFINITION = f"""(
    SELECT ({SERVER} || string_agg(c.oid || ' ' || c.xmin::text || ARRAY(
        SELECT a.xmin FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum
    )::text, ' ' ORDER BY c.oid))::varchar
    FROM pg_class c WHERE c.oid {_TABLES} AND {_PLAIN})"""
"""The definition of now; its parameters are the `names`."""

DEFINITION_IF_PLAIN = f"""CASE WHEN NOT pg_is_in_recovery()
    AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid {_TABLES} AND NOT ({_PLAIN}))
    AND NOT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid {_TABLES} AND a.attname IN ({_READ}) AND NOT a.attisdropped AND a.atttypid >= {_NOT_BUILT_IN}
    ) THEN {DEFINITION} END"""
"""The same where pages may be remembered, else NULL; its parameters are the `names`, three times."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of the tables of these names as it was found, where pages of them may be remembered."""

    text: str
    names: tuple[str, str]


def names(tables: Tables) -> tuple[str, str]:
    """The tables that a page is read from, as the catalog has them."""
    return catalog_name(tables.sessions), catalog_name(tables.runs)
