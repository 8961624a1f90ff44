"""The statements that read one session, its runs, or their messages."""

from __future__ import annotations

from typing import Any

from .layout import Layout
from .names_sql import name_columns, name_source
from .records import NameSource, RunMessages, SessionRecord
from .runs_sql import runs_of_session
from .tables import Tables

Statement = tuple[str, list[Any]]

_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")


def record_columns(alias: str) -> str:
    """The columns of `SessionRecord`, in order."""
    json = ", ".join(f"{alias}.{column}::text" for column in _JSON_COLUMNS)
    return (
        f"{alias}.session_id, {alias}.session_type, {alias}.agent_id, {alias}.team_id, {alias}.workflow_id, "
        f"{alias}.user_id, {json}, {alias}.created_at, {alias}.updated_at"
    )


def record(row: tuple[Any, ...]) -> SessionRecord:
    """A `SessionRecord` from the columns of `record_columns`; SQL and JSON null are one."""
    return SessionRecord(*row[:6], *(None if value == b"null" else value for value in row[6:12]), *row[12:14])


def read_session(
    layout: Layout, tables: Tables, session_id: str, user_id: str | None, shown_as: str | None
) -> Statement:
    """The row of a session and, where it has no name, what its name is made of in the type that it is shown as."""
    where, parameters = one_session(session_id, None, user_id)
    return (
        f"""SELECT {record_columns("s")}, {name_columns("n")}
        FROM (SELECT s.*, COALESCE(%s, s.session_type) AS named_as FROM {tables.sessions} s WHERE {where}) s
        LEFT JOIN LATERAL ({name_source(layout, tables, parsed=True)}) n ON true""",
        [shown_as, *parameters],
    )


def named_record(row: tuple[Any, ...]) -> tuple[SessionRecord, NameSource]:
    """The pair that `read_session` selects."""
    found, content, input, workflow_name = row[14:18]
    return record(row), NameSource(bool(found), content, input, workflow_name)


def read_record(tables: Tables, session_id: str, user_id: str | None) -> Statement:
    """The row of a session alone."""
    where, parameters = one_session(session_id, None, user_id)
    return f"SELECT {record_columns('s')} FROM {tables.sessions} s WHERE {where}", parameters


def read_run(layout: Layout, tables: Tables, session_id: str, run_id: str) -> Statement:
    """One row: the first run of this id (NULL if there is none), and whether the session has any run."""
    runs = runs_of_session(layout, tables)
    return (
        f"""SELECT (SELECT q.run::text FROM ({runs}) q WHERE q.run->>'run_id' = %s LIMIT 1),
            EXISTS (SELECT FROM ({runs}) q) FROM {tables.sessions} s WHERE s.session_id = %s""",
        [run_id, session_id],
    )


def read_runs(layout: Layout, tables: Tables, session_id: str) -> Statement:
    """All runs of a session in stored order, as text."""
    return (
        f"""SELECT q.run::text FROM {tables.sessions} s, LATERAL ({runs_of_session(layout, tables)}) q
        WHERE s.session_id = %s""",
        [session_id],
    )


def read_messages(layout: Layout, tables: Tables, session_id: str) -> Statement:
    """Of each top-level run that names an agent or a team: its id, time and messages, in stored order."""
    return (
        f"""SELECT (q.run->'run_id')::text, (q.run->'created_at')::text, (q.run->'messages')::text
        FROM {tables.sessions} s, LATERAL ({runs_of_session(layout, tables)}) q
        WHERE s.session_id = %s AND (q.run->>'parent_run_id') IS NULL
          AND ((q.run->'agent_id') IS NOT NULL OR (q.run->'team_id') IS NOT NULL)""",
        [session_id],
    )


def messages(row: tuple[Any, ...]) -> RunMessages:
    """One row of `read_messages`."""
    return RunMessages(*(None if value == b"null" else value for value in row))


def one_session(session_id: str, session_type: str | None, user_id: str | None) -> Statement:
    """The condition on the row `s` by id and, where given, stored type and owner. An owner never matches NULL."""
    conditions, parameters = ["s.session_id = %s"], [session_id]
    if session_type is not None:
        conditions.append("s.session_type = %s")
        parameters.append(session_type)
    if user_id is not None:
        conditions.append("s.user_id = %s")
        parameters.append(user_id)
    return " AND ".join(conditions), parameters
