"""The statement that deletes sessions with their runs and everything else that hangs on them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from session_service.database.database import Database

from .layout import Layout
from .reading import Statement
from .tables import Tables, catalog_name

_FILES = '"fs"."agno_fs"'


async def dependants(database: Database, tables: Tables) -> frozenset[str]:
    """Which of the tables that may hang on a session exist now: agno creates most of them on first use."""
    candidates = _candidates(tables)
    exist = ", ".join("to_regclass(%s) IS NOT NULL" for _ in candidates)
    [row] = await database.read(f"SELECT {exist}", [catalog_name(table) for table in candidates])
    return frozenset(table for table, exists in zip(candidates, row, strict=True) if exists)


def _candidates(tables: Tables) -> list[str]:
    return [tables.bindings, tables.transcripts, tables.compactions, tables.tool_results, _FILES]


def delete(
    layout: Layout,
    tables: Tables,
    existing: frozenset[str],
    session_ids: Sequence[str],
    user_id: str | None,
    *,
    orphans: bool,
) -> Statement:
    """Delete the sessions of these ids, of this owner if one is given; one row, whether `existing` is true still.

    Where it is not, nothing is deleted. So one round trip does, though agno may create a table at any time.

    With `orphans` the dependants of all given ids go, also where the session itself is gone already; without, only
    those of the sessions that this statement deletes.
    """
    # of an array of unknown length the planner expects ten ids, and plans anew each time
    one = len(session_ids) == 1
    which, ids = ("= %s", session_ids[0]) if one else ("= ANY(%s)", list(session_ids))
    owner = "" if user_id is None else " AND user_id = %s"
    candidates = _candidates(tables)
    as_known = " AND ".join(f"to_regclass(%s) IS {'NOT ' if table in existing else ''}NULL" for table in candidates)
    parameters: list[Any] = [*map(catalog_name, candidates), ids, *([] if user_id is None else [user_id])]
    steps = [
        f"known AS MATERIALIZED (SELECT {as_known} AS still)",
        f"""gone AS (DELETE FROM {tables.sessions}
            WHERE session_id {which}{owner} AND (SELECT still FROM known) RETURNING session_id)""",
    ]

    def step(sql: str) -> None:
        steps.append(f"step{len(steps)} AS ({sql})")
        if orphans:
            parameters.append(ids)

    of_these = f"{which} AND (SELECT still FROM known)" if orphans else "IN (SELECT session_id FROM gone)"
    # bindings name runs without a cascade, so they go with them in the same statement
    if tables.bindings in existing:
        step(f"DELETE FROM {tables.bindings} WHERE session_id {of_these}")
    if layout.runs_table:
        step(f"DELETE FROM {tables.runs} WHERE session_id {of_these}")
    if tables.transcripts in existing:
        step(f"DELETE FROM {tables.transcripts} WHERE agno_session_id {of_these}")
    if tables.compactions in existing:
        step(f"DELETE FROM {tables.compactions} WHERE session_id {of_these}")
    if tables.tool_results in existing:
        if _FILES in existing:
            step(
                f"DELETE FROM {_FILES} f USING {tables.tool_results} t "
                f"WHERE f.namespace = t.namespace AND f.path = t.path AND t.session_id {of_these}"
            )
        step(f"DELETE FROM {tables.tool_results} WHERE session_id {of_these}")
    return f"WITH {', '.join(steps)} SELECT still FROM known", parameters
