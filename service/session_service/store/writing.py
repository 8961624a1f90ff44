"""The statements that create and change one session. Each is one round trip, atomic, and touches only what it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .owned import Owned, Statement
from .reading import by_id, created_columns, select_session


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


def create(owned: Owned, new: NewSession) -> Statement:
    """Insert the session unless its id is taken, then no row comes back.

    Absent JSON is written as AgentOS writes it: JSON null in the columns that it names (`{}` for the columns of
    workflows but the summary), SQL NULL in the others. A workflow session has no summary: agno would erase it.
    """
    layout, own = owned.layout, new.session_type
    empty = "{}" if own == "workflow" else "null"

    def json(text: str | None, absent: str = empty) -> Statement:
        return f"%s::{layout.json_type}", [text or absent]

    values: dict[str, Statement] = {
        "session_id": ("%s", [new.session_id]),
        "session_type": ("%s", [own]),
        f"{own}_id": ("%s", [new.component_id]),
        "session_data": json(new.session_data),
        f"{own}_data": json(None),
        "metadata": json(new.metadata),
        "summary": json(None if own == "workflow" else new.summary, "null"),
        "created_at": ("%s", [new.now]),
        "updated_at": ("%s", [new.now]),
    }
    in_column = new.runs is not None and layout.runs_column is not None and not layout.runs_table
    if in_column:
        values["runs"] = (f"%s::{layout.runs_column}", [new.runs])
    insert, parameters = owned.insert(new.user_id, values)
    insert += " ON CONFLICT (session_id) DO NOTHING"
    if new.runs is None or in_column:
        return f"{insert} RETURNING {created_columns('s')}", parameters
    return (
        f"""WITH s AS ({insert} RETURNING s.*), imported AS ({_import(owned)})
        SELECT {created_columns("s")} FROM s""",
        [*parameters, new.now, new.now, new.runs],
    )


def _import(owned: Owned) -> str:
    """Insert the runs of a JSON array as AgentOS writes them: copies of some keys beside the whole run."""
    columns = """run_id, session_id, run_type, agent_id, team_id, workflow_id, user_id,
            parent_run_id, status, run_index, run_data, created_at, updated_at"""
    copies = ", ".join(f"e.run->>'{key}'" for key in ("agent_id", "team_id", "workflow_id"))
    return f"""{owned.insert_runs(columns)}
        SELECT e.run->>'run_id', s.session_id,
            CASE WHEN COALESCE(e.run->>'agent_id', e.run->>'agent_name') IS NOT NULL THEN 'agent'
                 WHEN COALESCE(e.run->>'team_id', e.run->>'team_name') IS NOT NULL THEN 'team' ELSE 'workflow' END,
            {copies}, s.user_id, e.run->>'parent_run_id', e.run->>'status', e.place - 1, e.run,
            CASE jsonb_typeof(e.run->'created_at') WHEN 'number' THEN (e.run->>'created_at')::numeric::bigint
                 ELSE %s END, %s
        FROM s, jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS e(run, place)"""


def rename(owned: Owned, session_id: str, session_type: str | None, name: str) -> Statement:
    """Set the name (JSON text) alone; `updated_at` stays. The stored type must match where given."""
    kind = owned.layout.json_type
    set_name = f"session_data = jsonb_set({_session_data_object()}, '{{session_name}}', %s::jsonb)::{kind}"
    of_type: list[Statement] = [] if session_type is None else [("s.session_type = %s", [session_type])]
    return _updated(owned, (set_name, [name]), by_id(session_id), *of_type)


def patch(owned: Owned, session_id: str, changes: SessionChanges) -> Statement:
    """Set the given keys and `updated_at` in one statement, so that no concurrent change is lost.

    A workflow session has no summary: it keeps what it has.
    """
    kind = owned.layout.json_type
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
    return _updated(owned, (", ".join(sets), values), by_id(session_id))


def _updated(owned: Owned, sets: Statement, *conditions: Statement) -> Statement:
    """Change the session, and select it as it is now with what its detail is made of."""
    update, parameters = owned.update(sets, *conditions)
    changed = f"WITH changed AS ({update} RETURNING s.*, s.session_type AS named_as)"
    return f"{changed} {select_session(owned, 'changed')}", parameters


def _session_data_object() -> str:
    """`session_data` as an object: SQL NULL, JSON null and anything odd count as empty."""
    return "CASE WHEN jsonb_typeof(s.session_data::jsonb) = 'object' THEN s.session_data::jsonb ELSE '{}' END"
