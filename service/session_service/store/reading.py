"""The statements that read one session, alone, with its runs, or with what its detail is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import limits
from .columns import number
from .layout import Layout
from .names_sql import name_columns, name_source
from .owned import Owned, Statement
from .records import FirstRuns, FoundRun, NameSource, RunMessages, SessionOfRuns, SessionRecord, StoredSession
from .runs_sql import runs_of_session, unpacked

# the messages of the system, of tools, and repeated from history are no part of a conversation
_SHOWN_MESSAGES = """$.messages[*] ? (
    !exists(@.role ? (@ == "system" || @ == "tool")) && !exists(@.from_history ? (@ == true)))"""

_IDS = ("session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id")
_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")


def record_columns(alias: str) -> str:
    """The columns of `SessionRecord`, in order."""
    json = [f"{alias}.{column}::text AS {column}" for column in _JSON_COLUMNS]
    ids = [f"{alias}.{column}" for column in _IDS]
    times = [f"{number(f'{alias}.{column}')} AS {column}" for column in ("created_at", "updated_at")]
    return ", ".join([*ids, *json, *times])


def created_columns(alias: str) -> str:
    """The same of a session that has no name to be made; what is too long is NULL, and the last column tells."""
    texts = {column: f"{alias}.{column}::text" for column in _JSON_COLUMNS}
    texts |= {column: f"{alias}.{column}" for column in _IDS[2:]}
    read = {
        column: f"CASE WHEN octet_length({text}) <= {limits.MOST_BYTES // len(texts)} THEN {text} END"
        for column, text in texts.items()
    }
    columns = (*_IDS, *_JSON_COLUMNS, "created_at", "updated_at")
    most = f"GREATEST({', '.join(f'octet_length({text})' for text in texts.values())})"
    selected = ", ".join(read.get(column, f"{alias}.{column}") for column in columns)
    return f"{selected}, {most} <= {limits.MOST_BYTES // len(texts)}"


def created_session(row: tuple[Any, ...]) -> StoredSession:
    """What `created_columns` selects."""
    return StoredSession(record(row), NameSource(False, None, None, None), [], whole=row[14])


def record(row: tuple[Any, ...]) -> SessionRecord:
    """A `SessionRecord` from the columns of `record_columns`; SQL and JSON null are one."""
    return SessionRecord(*row[:6], *(None if value == b"null" else value for value in row[6:12]), *row[12:14])


def read_session(owned: Owned, session_id: str, shown_as: str | None) -> Statement:
    """A session with what its name and its chat history are made of, in the type that it is shown as."""
    found, parameters = owned.session(session_id)
    rows = f"(SELECT {owned.columns.names()}, COALESCE(%s, s.session_type) AS named_as FROM {found})"
    return select_session(owned, rows), [shown_as, *parameters]


def select_session(owned: Owned, rows: str) -> str:
    """The same for the one row of a subquery, which has a column `named_as` more than the sessions table.

    A row for each top-level run that names an agent or a team, in stored order; the session itself is in the first.
    What is too long to be read at once is NULL, and `octets` tells.
    """
    names = ("found", "content", "input", "workflow_name")
    found = ", ".join(f"{sql} AS {name}" for name, sql in zip(names, name_columns("n"), strict=True))
    texts = [*_IDS[2:], *_JSON_COLUMNS, *names[1:]]
    columns = ("session_id", *_IDS[1:], *_JSON_COLUMNS, "created_at", "updated_at", *names)
    read = {name: f"CASE WHEN g.octets <= {limits.MOST_BYTES} THEN c.{name} END" for name in texts}
    read["session_type"] = _session_type("c")
    first = ", ".join(f"CASE WHEN x.place > 1 THEN NULL ELSE {read.get(name, f'c.{name}')} END" for name in columns)
    return f"""
    SELECT {first}, x.run_id, x.created_at, x.messages, x.place, g.octets + COALESCE(x.octets, 0)
    FROM {rows} s
    LEFT JOIN LATERAL ({name_source(owned, parsed=True)}) n ON true
    CROSS JOIN LATERAL (SELECT {record_columns("s")}, {found} OFFSET 0) c
    CROSS JOIN LATERAL (SELECT {_octets("c", texts)} AS octets OFFSET 0) g
    LEFT JOIN LATERAL (
        SELECT {_short("m", "run_id", "created_at", "messages")}, m.place, m.octets FROM (
            SELECT y.*, row_number() OVER so_far AS place,
                sum({_octets("y", ["run_id", "created_at", "messages"])}) OVER so_far AS octets
            FROM (
                SELECT (q.run->'run_id')::text AS run_id, (q.run->'created_at')::text AS created_at,
                    {_messages(owned.layout)} AS messages
                FROM ({conversed_runs(owned)}) q LIMIT {limits.MOST_RUNS + 1}
            ) y WINDOW so_far AS (ROWS UNBOUNDED PRECEDING)
        ) m
    ) x ON true"""


def conversed_runs(owned: Owned) -> str:
    """A subquery of `run`: of the session `s` those that its chat history is made of, in stored order."""
    return f"""SELECT q.run FROM (SELECT {_readable(owned.layout)} AS run FROM ({runs_of_session(owned)}) o OFFSET 0) q
        WHERE s.named_as <> 'workflow' AND (q.run->>'parent_run_id') IS NULL
          AND ((q.run->'agent_id') IS NOT NULL OR (q.run->'team_id') IS NOT NULL)"""


def _octets(alias: str, columns: Sequence[str]) -> str:
    return "0::bigint + " + " + ".join(f"COALESCE(octet_length({alias}.{column}), 0)" for column in columns)


def _short(alias: str, *columns: str) -> str:
    """These columns where all of them, with those of the rows before, are not too long."""
    return ", ".join(
        f"CASE WHEN {alias}.octets <= {limits.MOST_BYTES} THEN {alias}.{column} END AS {column}" for column in columns
    )


def _session_type(alias: str) -> str:
    # a type that AgentOS does not know may have any length
    return f"left({alias}.session_type, 100)::varchar"


def _readable(layout: Layout) -> str:
    return "run" if layout.run_type == "json" else unpacked("run")


def _messages(layout: Layout) -> str:
    """The messages of a run as text, less those that a chat history does not show where jsonb makes that cheap."""
    if layout.run_type == "json":
        return "(q.run->'messages')::text"
    return f"""CASE jsonb_typeof(q.run->'messages')
        WHEN 'array' THEN jsonb_path_query_array(q.run, '{_SHOWN_MESSAGES}')::text END"""


def shown_messages(layout: Layout, run: str) -> str:
    """The same as a set of messages."""
    if layout.run_type == "json":
        return f"json_array_elements(CASE json_typeof({run}->'messages') WHEN 'array' THEN {run}->'messages' END)"
    return f"jsonb_path_query(CASE jsonb_typeof({run}->'messages') WHEN 'array' THEN {run} END, '{_SHOWN_MESSAGES}')"


def stored_session(rows: list[tuple[Any, ...]]) -> StoredSession:
    """What `select_session` selects, of one row at least."""
    first, last = rows[0], rows[-1]
    found, content, input, workflow_name = first[14:18]
    chat = [] if first[21] is None else [messages(row[18:21]) for row in rows]
    whole = last[22] <= limits.MOST_BYTES and len(rows) <= limits.MOST_RUNS
    return StoredSession(record(first), NameSource(bool(found), content, input, workflow_name), chat, whole)


def read_existence(owned: Owned, session_id: str) -> Statement:
    """A row where there is such a session."""
    found, parameters = owned.session(session_id)
    return f"SELECT true FROM {found}", parameters


def read_run(owned: Owned, session_id: str, run_id: str) -> Statement:
    """A session, its first run of this id (NULL if there is none, or it is too long), and whether it has any run."""
    runs = runs_of_session(owned)
    found, parameters = owned.session(session_id)
    return (
        f"""SELECT {_of_runs("s")}, {_short("x", "run")}, x.octets, EXISTS (SELECT FROM ({runs}) q)
        FROM (SELECT {owned.columns.names()} FROM {found}) s
        LEFT JOIN LATERAL (
            SELECT y.run, {_run_octets("y")} AS octets
            FROM (SELECT {_run("q")} AS run FROM ({runs}) q WHERE q.run->>'run_id' = %s LIMIT 1) y
        ) x ON true""",
        [*parameters, run_id],
    )


def found_run(row: tuple[Any, ...]) -> FoundRun:
    """What `read_run` selects."""
    run, octets, has_runs = row[3:]
    return FoundRun(SessionOfRuns(*row[:3]), run, has_runs, whole=run is not None or octets is None)


def read_first_runs(owned: Owned, session_id: str) -> Statement:
    """A session and its first runs, one a row; the session itself is in the first."""
    found, parameters = owned.session(session_id)
    return (
        f"""SELECT c.*, {_short("x", "run")}, x.octets FROM (SELECT {owned.columns.names()} FROM {found}) s
        CROSS JOIN LATERAL (SELECT {_of_runs("s")} OFFSET 0) c
        LEFT JOIN LATERAL (
            SELECT y.run, sum({_run_octets("y")}) OVER (ROWS UNBOUNDED PRECEDING) AS octets
            FROM (SELECT {_run("o")} AS run FROM ({runs_of_session(owned)}) o LIMIT {limits.MOST_RUNS + 1}) y
        ) x ON true""",
        parameters,
    )


def first_runs(rows: list[tuple[Any, ...]]) -> FirstRuns:
    """What `read_first_runs` selects, of one row at least."""
    whole = len(rows) <= limits.MOST_RUNS and (rows[-1][4] or 0) <= limits.MOST_BYTES
    return FirstRuns(SessionOfRuns(*rows[0][:3]), [row[3] for row in rows if row[3] is not None], whole)


def _run(alias: str) -> str:
    """A run as text, NULL where it is too long even as it is stored."""
    return f"CASE WHEN pg_column_size({alias}.run) <= {limits.MOST_BYTES} THEN {alias}.run::text END"


def _run_octets(alias: str) -> str:
    return f"COALESCE(octet_length({alias}.run), {limits.MOST_BYTES + 1})"


def _of_runs(alias: str) -> str:
    """The columns of `SessionOfRuns`: what its runs show of it."""
    members = ", ".join(f"'{name}', {alias}.agent_data->'{name}'" for name in ("sdk", "framework"))
    return f"{_session_type(alias)}, {alias}.agent_id, json_build_object({members})::text"


def messages(row: tuple[Any, ...]) -> RunMessages:
    """The columns of `RunMessages`."""
    return RunMessages(*(None if value == b"null" else value for value in row))
