"""The statement that deletes sessions with their runs and everything else that hangs on them, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from session_service.database.database import Database

from .owned import Owned, Statement, one_of
from .tables import Dependants, catalog_name


async def existing_dependants(database: Database, dependants: Dependants) -> frozenset[str]:
    """Which of the tables exist now: agno creates most of them on first use."""
    candidates = astuple(dependants)
    exist = ", ".join("to_regclass(%s) IS NOT NULL" for _ in candidates)
    [row] = await database.read(f"SELECT {exist}", [catalog_name(table) for table in candidates])
    return frozenset(table for table, exists in zip(candidates, row, strict=True) if exists)


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
    as_known = " AND ".join(f"to_regclass(%s) IS {'NOT ' if table in existing else ''}NULL" for table in candidates)
    parameters: list[Any] = [*map(catalog_name, candidates), *of_sessions]
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
