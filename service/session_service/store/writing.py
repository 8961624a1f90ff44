"""The statements that create and change one session. Each is one round trip, atomic, and touches only what it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .masks import as_stored
from .owned import Owned, Statement
from .reading import created_columns, select_session
from .text import JsonText


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to create. JSON values are text, None where nothing was given; `now` is in unix seconds.

    `runs` (a JSON array of objects with a `run_id`) and `summary` are our extension: the import of a whole session.
    """

    session_id: str
    session_type: str
    component_id: str | None
    user_id: str | None
    session_data: JsonText | None
    metadata: JsonText | None
    now: int
    summary: JsonText | None = None
    runs: JsonText | None = None


@dataclass(frozen=True, slots=True)
class SessionChanges:
    """What a patch sets; None leaves as it is. `session_data` holds only the keys to set, `metadata` may be `null`."""

    now: int
    session_data: JsonText | None = None
    metadata: JsonText | None = None
    summary: JsonText | None = None


def create(owned: Owned, new: NewSession) -> Statement:
    """Insert the session unless its id is taken, then no row comes back.

    Absent JSON is written as AgentOS writes it: JSON null in the columns that it names (`{}` for the columns of
    workflows but the summary), SQL NULL in the others. A workflow session has no summary: agno would erase it.
    """
    layout, own = owned.layout, new.session_type
    empty = "{}" if own == "workflow" else "null"

    def json(text: JsonText | None, absent: str = empty) -> Statement:
        return "%s", [text or absent]

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
        values["runs"] = ("%s", [new.runs])
    insert, parameters = owned.insert(new.user_id, values)
    imported = "" if new.runs is None or in_column else f", imported AS ({_import(owned)})"
    if imported:
        parameters += [new.now, new.now, new.runs]
    return f"WITH s AS ({insert}){imported} SELECT {created_columns('s')} FROM s", parameters


def _import(owned: Owned) -> str:
    """Insert the runs of a JSON array as AgentOS writes them: copies of some keys beside the whole run."""
    kind = owned.layout.run_type
    values = {
        "run_id": "e.run->>'run_id'",
        "session_id": "s.session_id",
        "run_type": """CASE WHEN COALESCE(e.run->>'agent_id', e.run->>'agent_name') IS NOT NULL THEN 'agent'
            WHEN COALESCE(e.run->>'team_id', e.run->>'team_name') IS NOT NULL THEN 'team' ELSE 'workflow' END""",
        **{key: f"e.run->>'{key}'" for key in ("agent_id", "team_id", "workflow_id")},
        "user_id": "s.user_id",
        **{key: f"e.run->>'{key}'" for key in ("parent_run_id", "status")},
        "run_index": "e.place - 1",
        "run_data": "e.run",
        "created_at": f"""CASE {kind}_typeof(e.run->'created_at')
            WHEN 'number' THEN (e.run->>'created_at')::numeric::bigint ELSE %s END""",
        "updated_at": "%s",
    }
    return f"""{owned.insert_runs(values)}
        FROM s, {kind}_array_elements(%s::{kind}) WITH ORDINALITY AS e(run, place)"""


def rename(owned: Owned, session_id: str, session_type: str | None, name: JsonText) -> Statement:
    """Set the name (JSON text) alone; `updated_at` stays. The stored type must match where given."""
    text = name if isinstance(name, str) else name.decode()
    sets, values = _merged(owned, f'{{"session_name":{text}}}')
    return _updated(owned, (sets, values), session_id, session_type)


def patch(owned: Owned, session_id: str, changes: SessionChanges) -> Statement:
    """Set the given keys and `updated_at` in one statement, so that no concurrent change is lost.

    A workflow session has no summary: it keeps what it has.
    """
    columns = owned.columns
    sets: list[str] = [f"updated_at = {columns.written('updated_at', '%s')}"]
    values: list[Any] = [changes.now]
    if changes.session_data is not None:
        merging, merged = _merged(owned, changes.session_data)
        sets.append(merging)
        values += merged
    if changes.metadata is not None:
        sets.append(f"metadata = {columns.written('metadata', '%s')}")
        values.append(changes.metadata)
    if changes.summary is not None:
        summary = columns.written("summary", "%s")
        sets.append(f"summary = CASE {columns.of('session_type')} WHEN 'workflow' THEN s.summary ELSE {summary} END")
        values.append(changes.summary)
    return _updated(owned, (", ".join(sets), values), session_id)


def _updated(owned: Owned, sets: Statement, session_id: str, session_type: str | None = None) -> Statement:
    """Change the session, and select it as it is now with what its detail is made of."""
    update, parameters = owned.update(sets, session_id, session_type)
    changed = f"WITH changed AS ({update})"
    rows = f"(SELECT {owned.columns.names()}, s.session_type AS named_as FROM changed s)"
    return f"{changed} {select_session(owned, rows)}", parameters


def _merged(owned: Owned, members: JsonText) -> Statement:
    """Set these members (JSON text) of `session_data`; what is no object counts as an empty one."""
    data = owned.columns.of("session_data")
    kind = owned.layout.json_type
    found = f"CASE {kind}_typeof({data}) WHEN 'object' THEN {data} ELSE '{{}}' END"
    merged = f"{found} || %s::jsonb" if kind == "jsonb" else _in_order(found)
    return f"session_data = {owned.columns.written('session_data', merged)}", [members]


def _in_order(found: str) -> str:
    """A JSON object with members set, each where it is already, those that it lacks at its end."""
    members = "'{' || string_agg(to_json(m.name)::text || ': ' || m.value::text, ', ' ORDER BY m.part, m.place) || '}'"
    return f"""(
        SELECT ({as_stored(members)})::json
        FROM (SELECT {found} AS found, %s::json AS given OFFSET 0) o, LATERAL (
            SELECT 0 AS part, f.place, f.name, COALESCE(g.value, f.value) AS value
            FROM json_each(o.found) WITH ORDINALITY f(name, value, place)
            LEFT JOIN json_each(o.given) g(name, value) ON g.name = f.name
            UNION ALL
            SELECT 1, g.place, g.name, g.value FROM json_each(o.given) WITH ORDINALITY g(name, value, place)
            WHERE NOT EXISTS (SELECT FROM json_each(o.found) f(name, value) WHERE f.name = g.name)
        ) m)"""
