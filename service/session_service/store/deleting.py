"""The statement that deletes sessions with their runs and everything else that hangs on them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from session_service.database.database import Database

from .owned import Owned, Statement, one_of
from .tables import FILES_SCHEMA, Dependants, catalog_name


async def existing_dependants(database: Database, dependants: Dependants) -> frozenset[str]:
    """Which of the tables exist now: agno creates most of them on first use. The files only if we may delete them."""
    candidates = astuple(dependants)
    exist, parameters = zip(*(_exists(table, dependants) for table in candidates), strict=True)
    [row] = await database.read(f"SELECT {', '.join(exist)}", [value for each in parameters for value in each])
    return frozenset(table for table, exists in zip(candidates, row, strict=True) if exists)


def _exists(table: str, dependants: Dependants) -> Statement:
    """Whether a table is there. The one of files may be none of agno's, for its schema is not that of the sessions.

    `to_regclass` fails where it may not look into the schema. Files that we may not delete are left alone, as AgentOS
    leaves them.
    """
    name = catalog_name(table)
    if table != dependants.files:
        return "to_regclass(%s) IS NOT NULL", [name]
    may = "has_any_column_privilege(to_regclass(%s), 'SELECT') AND has_table_privilege(to_regclass(%s), 'DELETE')"
    usable = f"CASE WHEN has_schema_privilege(to_regnamespace(%s), 'USAGE') THEN {may} END IS TRUE"
    return usable, [catalog_name(FILES_SCHEMA), name, name]


def delete(
    owned: Owned, dependants: Dependants, existing: frozenset[str], session_ids: Sequence[str], *, orphans: bool
) -> Statement:
    """Delete the sessions of these ids; one row, whether `existing` is true still.

    Where it is not, nothing is deleted. So one round trip does, though agno may create a table at any time.

    With `orphans` the dependants of all given ids go for everybody, also where the session itself is gone already;
    else only those of the sessions that this statement deletes.
    """
    which, ids = one_of(session_ids)
    orphans = orphans and owned.everybodys
    gone, of_sessions = owned.delete(session_ids, "(SELECT still FROM known)")
    candidates = astuple(dependants)
    exist, names = zip(*(_exists(table, dependants) for table in candidates), strict=True)
    as_known = " AND ".join(
        f"({exists}) IS {table in existing}" for table, exists in zip(candidates, exist, strict=True)
    )
    parameters: list[Any] = [*(name for each in names for name in each), *of_sessions]
    steps = [
        f"known AS MATERIALIZED (SELECT {as_known} AS still)",
        f"gone AS ({gone})",
    ]

    def step(sql: str) -> None:
        steps.append(f"step{len(steps)} AS ({sql})")
        if orphans:
            parameters.append(ids)

    of_these = f"{which} AND (SELECT still FROM known)" if orphans else "IN (SELECT session_id FROM gone)"
    # bindings name runs without a cascade, so they go with them in the same statement
    if dependants.bindings in existing:
        step(f"DELETE FROM {dependants.bindings} WHERE session_id {of_these}")
    if owned.layout.runs_table:
        step(owned.delete_runs(of_these))
    if dependants.transcripts in existing:
        step(f"DELETE FROM {dependants.transcripts} WHERE agno_session_id {of_these}")
    if dependants.compactions in existing:
        step(f"DELETE FROM {dependants.compactions} WHERE session_id {of_these}")
    if dependants.tool_results in existing:
        if dependants.files in existing:
            step(
                f"DELETE FROM {dependants.files} f USING {dependants.tool_results} t "
                f"WHERE f.namespace = t.namespace AND f.path = t.path AND t.session_id {of_these}"
            )
        step(f"DELETE FROM {dependants.tool_results} WHERE session_id {of_these}")
    return f"WITH {', '.join(steps)} SELECT still FROM known", parameters
