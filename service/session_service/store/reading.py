"""The statements that read one session, alone, with its runs, or with what its detail is made of."""

from __future__ import annotations

from typing import Any

from .layout import Layout
from .names_sql import name_columns, name_source
from .owned import Owned, Statement
from .records import FoundRun, NameSource, RunMessages, SessionRecord, StoredSession
from .runs_sql import runs_of_session, unpacked

# the messages of the system, of tools, and repeated from history are no part of a conversation
_SHOWN_MESSAGES = """$.messages[*] ? (
    !exists(@.role ? (@ == "system" || @ == "tool")) && !exists(@.from_history ? (@ == true)))"""

_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")


def _columns(alias: str) -> list[str]:
    json = [f"{alias}.{column}::text" for column in _JSON_COLUMNS]
    ids = [f"{alias}.{column}" for column in ("session_id", "session_type", "agent_id", "team_id", "workflow_id")]
    return [*ids, f"{alias}.user_id", *json, f"{alias}.created_at", f"{alias}.updated_at"]


def record_columns(alias: str) -> str:
    """The columns of `SessionRecord`, in order."""
    return ", ".join(_columns(alias))


def _in_first_row(columns: list[str]) -> str:
    """These columns in the first of the rows that `x` numbers, or where `x` has none; NULL in the others."""
    return ", ".join(f"CASE WHEN x.place > 1 THEN NULL ELSE {column} END" for column in columns)


def record(row: tuple[Any, ...]) -> SessionRecord:
    """A `SessionRecord` from the columns of `record_columns`; SQL and JSON null are one."""
    return SessionRecord(*row[:6], *(None if value == b"null" else value for value in row[6:12]), *row[12:14])


def read_session(owned: Owned, session_id: str, shown_as: str | None) -> Statement:
    """A session with what its name and its chat history are made of, in the type that it is shown as."""
    found, parameters = owned.sessions(by_id(session_id))
    rows = f"(SELECT s.*, COALESCE(%s, s.session_type) AS named_as FROM {found})"
    return select_session(owned, rows), [shown_as, *parameters]


def select_session(owned: Owned, rows: str) -> str:
    """The same for the one row of a subquery, which has a column `named_as` more than the sessions table.

    A row for each top-level run that names an agent or a team, in stored order; the session itself is in the first.
    """
    return f"""
    SELECT {_in_first_row([*_columns("s"), *name_columns("n")])}, x.run_id, x.created_at, x.messages, x.place
    FROM {rows} s
    LEFT JOIN LATERAL ({name_source(owned, parsed=True)}) n ON true
    LEFT JOIN LATERAL (
        SELECT (q.run->'run_id')::text AS run_id, (q.run->'created_at')::text AS created_at,
            {_messages(owned.layout)} AS messages, row_number() OVER () AS place
        FROM (SELECT {_readable(owned.layout)} AS run FROM ({runs_of_session(owned)}) o OFFSET 0) q
        WHERE s.named_as <> 'workflow' AND (q.run->>'parent_run_id') IS NULL
          AND ((q.run->'agent_id') IS NOT NULL OR (q.run->'team_id') IS NOT NULL)
    ) x ON true"""


def _readable(layout: Layout) -> str:
    return "run" if layout.runs_column == "json" else unpacked("run")


def _messages(layout: Layout) -> str:
    """The messages of a run as text, less those that a chat history does not show where jsonb makes that cheap."""
    if layout.runs_column == "json":
        return "(q.run->'messages')::text"
    return f"""CASE jsonb_typeof(q.run->'messages')
        WHEN 'array' THEN jsonb_path_query_array(q.run, '{_SHOWN_MESSAGES}')::text END"""


def stored_session(rows: list[tuple[Any, ...]]) -> StoredSession:
    """What `select_session` selects, of one row at least."""
    first = rows[0]
    found, content, input, workflow_name = first[14:18]
    chat = [] if first[21] is None else [messages(row[18:21]) for row in rows]
    return StoredSession(record(first), NameSource(bool(found), content, input, workflow_name), chat)


def read_record(owned: Owned, session_id: str) -> Statement:
    """The row of a session alone."""
    found, parameters = owned.sessions(by_id(session_id))
    return f"SELECT {record_columns('s')} FROM {found}", parameters


def read_run(owned: Owned, session_id: str, run_id: str) -> Statement:
    """A session, its first run of this id (NULL if there is none), and whether it has any run."""
    runs = runs_of_session(owned)
    found, parameters = owned.sessions(by_id(session_id))
    return (
        f"""SELECT {record_columns("s")}, (SELECT q.run::text FROM ({runs}) q WHERE q.run->>'run_id' = %s LIMIT 1),
            EXISTS (SELECT FROM ({runs}) q) FROM {found}""",
        [run_id, *parameters],
    )


def found_run(row: tuple[Any, ...]) -> FoundRun:
    """What `read_run` selects."""
    return FoundRun(record(row), row[14], row[15])


def read_runs(owned: Owned, session_id: str) -> Statement:
    """All runs of a session in stored order, as text."""
    found, parameters = owned.sessions(by_id(session_id))
    runs = runs_of_session(owned)
    return f"SELECT q.run::text FROM (SELECT s.* FROM {found}) s, LATERAL ({runs}) q", parameters


def read_first_runs(owned: Owned, session_id: str, most: int) -> Statement:
    """A session and its first `most` runs, one a row; the session itself is in the first."""
    found, parameters = owned.sessions(by_id(session_id))
    return (
        f"""SELECT {_in_first_row(_columns("s"))}, x.run FROM (SELECT s.* FROM {found}) s
        LEFT JOIN LATERAL (
            SELECT o.run::text AS run, row_number() OVER () AS place
            FROM ({runs_of_session(owned)}) o LIMIT {most}
        ) x ON true""",
        parameters,
    )


def messages(row: tuple[Any, ...]) -> RunMessages:
    """The columns of `RunMessages`."""
    return RunMessages(*(None if value == b"null" else value for value in row))


def by_id(session_id: str) -> Statement:
    """The condition on the row `s` of a session by id."""
    return "s.session_id = %s", [session_id]
