"""The statements that create and change one session. Each is one round trip, atomic, and touches only what it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .layout import Layout
from .reading import Statement, one_session, record_columns, select_session
from .tables import Tables


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to create. JSON values are text, None where nothing was given; `now` is in unix seconds.

    `runs` (a JSON array of objects with a `run_id`) and `summary` are our extension: the import of a whole session.
    """

    session_id: str
    session_type: str
    component_id: str | None
    user_id: str | None
    session_data: str | None
    metadata: str | None
    now: int
    summary: str | None = None
    runs: str | None = None


@dataclass(frozen=True, slots=True)
class SessionChanges:
    """What a patch sets; None leaves as it is. `session_data` holds only the keys to set, `metadata` may be `null`."""

    now: int
    session_data: str | None = None
    metadata: str | None = None
    summary: str | None = None


def create(layout: Layout, tables: Tables, new: NewSession) -> Statement:
    """Insert the session unless its id is taken, then no row comes back.

    Absent JSON is written as AgentOS writes it: JSON null in the columns that it names (`{}` for the columns of
    workflows but the summary), SQL NULL in the others.
    """
    kind, own = layout.json_type, new.session_type
    empty = "{}" if own == "workflow" else "null"
    columns = f"session_id, session_type, {own}_id, user_id, session_data, {own}_data, metadata, summary"
    parameters = [
        *(new.session_id, own, new.component_id, new.user_id, new.session_data or empty, empty),
        *(new.metadata or empty, new.summary or "null", new.now, new.now),
    ]
    values = f"%s, %s, %s, %s, %s::{kind}, %s::{kind}, %s::{kind}, %s::{kind}, %s, %s"
    in_column = new.runs is not None and layout.runs_column is not None and not layout.runs_table
    if in_column:
        columns, values = f"runs, {columns}", f"%s::{layout.runs_column}, {values}"
        parameters.insert(0, new.runs)
    insert = f"""INSERT INTO {tables.sessions} AS s ({columns}, created_at, updated_at) VALUES ({values})
        ON CONFLICT (session_id) DO NOTHING"""
    if new.runs is None or in_column:
        return f"{insert} RETURNING {record_columns('s')}", parameters
    return (
        f"""WITH s AS ({insert} RETURNING s.*), imported AS ({_import(tables)})
        SELECT {record_columns("s")} FROM s""",
        [*parameters, new.now, new.now, new.runs],
    )


def _import(tables: Tables) -> str:
    """Insert the runs of a JSON array as AgentOS writes them: copies of some keys beside the whole run."""
    copies = ", ".join(f"e.run->>'{key}'" for key in ("agent_id", "team_id", "workflow_id"))
    return f"""INSERT INTO {tables.runs} (run_id, session_id, run_type, agent_id, team_id, workflow_id, user_id,
            parent_run_id, status, run_index, run_data, created_at, updated_at)
        SELECT e.run->>'run_id', s.session_id,
            CASE WHEN COALESCE(e.run->>'agent_id', e.run->>'agent_name') IS NOT NULL THEN 'agent'
                 WHEN COALESCE(e.run->>'team_id', e.run->>'team_name') IS NOT NULL THEN 'team' ELSE 'workflow' END,
            {copies}, s.user_id, e.run->>'parent_run_id', e.run->>'status', e.place - 1, e.run,
            CASE jsonb_typeof(e.run->'created_at') WHEN 'number' THEN (e.run->>'created_at')::numeric::bigint
                 ELSE %s END, %s
        FROM s, jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS e(run, place)"""


def rename(
    layout: Layout, tables: Tables, session_id: str, session_type: str | None, user_id: str | None, name: str
) -> Statement:
    """Set the name (JSON text) alone; `updated_at` stays. The stored type and the owner must match where given."""
    where, parameters = one_session(session_id, session_type, user_id)
    set_name = f"session_data = jsonb_set({_session_data_object()}, '{{session_name}}', %s::jsonb)::{layout.json_type}"
    return _updated(layout, tables, set_name, where), [name, *parameters]


def patch(layout: Layout, tables: Tables, session_id: str, user_id: str | None, changes: SessionChanges) -> Statement:
    """Set the given keys and `updated_at` in one statement, so that no concurrent change is lost.

    A workflow session has no summary: it keeps what it has.
    """
    where, parameters = one_session(session_id, None, user_id)
    kind = layout.json_type
    sets: list[str] = ["updated_at = %s"]
    values: list[Any] = [changes.now]
    if changes.session_data is not None:
        sets.append(f"session_data = ({_session_data_object()} || %s::jsonb)::{kind}")
        values.append(changes.session_data)
    if changes.metadata is not None:
        sets.append(f"metadata = %s::{kind}")
        values.append(changes.metadata)
    if changes.summary is not None:
        sets.append(f"summary = CASE s.session_type WHEN 'workflow' THEN s.summary ELSE %s::{kind} END")
        values.append(changes.summary)
    return _updated(layout, tables, ", ".join(sets), where), [*values, *parameters]


def _updated(layout: Layout, tables: Tables, sets: str, where: str) -> str:
    """Change the session, and select it as it is now with what its detail is made of."""
    return f"""WITH changed AS (
        UPDATE {tables.sessions} s SET {sets} WHERE {where} RETURNING s.*, s.session_type AS named_as)
    {select_session(layout, tables, "changed")}"""


def _session_data_object() -> str:
    """`session_data` as an object: SQL NULL, JSON null and anything odd count as empty."""
    return "CASE WHEN jsonb_typeof(s.session_data::jsonb) = 'object' THEN s.session_data::jsonb ELSE '{}' END"
