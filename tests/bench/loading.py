"""Fills a database with agno's tables and with the data sets of the benchmark."""

import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .dataset import FIRST_SESSION, FIRST_USER, START, Session
from .postgres import Postgres

_DATASET = Path(__file__).parents[1] / "contract/data/dataset_v3.sql"
_BATCH = 8 * 2**20

_SESSIONS = f"""
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, user_id, session_data, agent_data, metadata,
    created_at, updated_at)
SELECT ({FIRST_SESSION} + n)::text, 'agent', 'agent-' || n %% (%(number)s / 500),
    ({FIRST_USER} + n %% (%(number)s / 20))::text,
    jsonb_build_object('session_state', jsonb_build_object('step', n %% 9),
        'session_metrics', jsonb_build_object('input_tokens', n %% 997, 'total_tokens', n %% 1997))
      || CASE n %% 2 WHEN 0 THEN '{{}}' ELSE jsonb_build_object('session_name', 'Session ' || n) END,
    '{{"name": "Support Agent", "agent_id": "support-agent"}}', '{{"source": "web"}}',
    {START} + n * 7, {START} + n * 7 + 3
FROM generate_series(0, %(number)s - 1) n"""

_RUNS = f"""
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, user_id, status, run_index, run_data, created_at)
SELECT n || '-' || i, s.session_id, 'agent', s.agent_id, s.user_id, 'COMPLETED', i,
    jsonb_build_object('run_id', n || '-' || i, 'agent_id', s.agent_id, 'status', 'COMPLETED',
        'created_at', s.created_at + i, 'content', 'Answer ' || i,
        'input', jsonb_build_object('input_content', 'Question ' || n),
        'messages', jsonb_build_array(
            jsonb_build_object('role', 'user', 'content', 'Question ' || n, 'id', n || 'm' || i),
            jsonb_build_object('role', 'assistant', 'content', 'Answer ' || i, 'id', n || 'a' || i))),
    s.created_at + i
FROM ai.agno_sessions s, LATERAL (SELECT s.session_id::bigint - {FIRST_SESSION} AS n) x, generate_series(0, 4) i"""


def create_tables(postgres: Postgres, database: str) -> None:
    """A database of this name with the tables and indexes that agno 3 makes."""
    postgres.run(f"CREATE DATABASE {database} TEMPLATE template0 LOCALE 'C.UTF-8'")
    ddl = re.sub(r"^INSERT INTO .*?;$", "", _DATASET.read_text(), flags=re.MULTILINE | re.DOTALL)
    postgres.run(ddl, database=database)


def load_sessions(postgres: Postgres, database: str, sessions: Iterable[Session]) -> tuple[int, int]:
    """Copy the sessions in; gives the number of runs and the bytes of their JSON text."""
    number = size = 0
    rows, runs = _Copy(postgres, database, "ai.agno_sessions"), _Copy(postgres, database, "ai.agno_runs")
    for session in sessions:
        rows.add(session.row)
        for run in session.runs:
            size += runs.add(run)
            number += 1
        if runs.size > _BATCH:
            rows.flush()
            runs.flush()
    rows.flush()
    runs.flush()
    return number, size


class _Copy:
    """Rows on their way into one table by COPY."""

    def __init__(self, postgres: Postgres, database: str, table: str) -> None:
        self._target = postgres, database, table
        self._columns: list[str] = []
        self._buffer = io.StringIO()

    @property
    def size(self) -> int:
        return self._buffer.tell()

    def add(self, row: dict[str, Any]) -> int:
        """Add a row; gives the length of its text."""
        self._columns = list(row)
        return self._buffer.write("\t".join(map(_field, row.values())) + "\n")

    def flush(self) -> None:
        postgres, database, table = self._target
        if self.size:
            self._buffer.seek(0)
            with postgres.connection(database) as connection:
                connection.cursor().copy_expert(f"COPY {table} ({', '.join(self._columns)}) FROM STDIN", self._buffer)
            self._buffer = io.StringIO()


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def load_small(postgres: Postgres, database: str, number: int) -> None:
    """So many sessions with five small runs each, made in SQL; indexes and foreign keys are built afterwards.

    A user has 20 sessions and an agent 500, whatever the number: it is the table that grows, not its users.
    """
    with postgres.connection(database) as connection:
        cursor = connection.cursor()
        cursor.execute(
            """SELECT format('DROP INDEX %I.%I', schemaname, indexname), indexdef FROM pg_indexes i
            WHERE schemaname = 'ai' AND tablename IN ('agno_sessions', 'agno_runs')
              AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname)"""
        )
        indexes = cursor.fetchall()
        cursor.execute(
            """SELECT pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = 'ai.agno_runs'::regclass AND contype = 'f'"""
        )
        [(foreign,)] = cursor.fetchall()
        cursor.execute("ALTER TABLE ai.agno_runs DROP CONSTRAINT agno_runs_session_id_fkey")
        for drop, _ in indexes:
            cursor.execute(drop)
        cursor.execute(_SESSIONS, {"number": number})
        cursor.execute(_RUNS)
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _, create in indexes:
            cursor.execute(create)
        cursor.execute(f"ALTER TABLE ai.agno_runs ADD CONSTRAINT agno_runs_session_id_fkey {foreign}")


BARE = """INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, user_id, session_data, agent_data, metadata,
    created_at, updated_at)
SELECT ({first} + n)::text, 'agent', 'agent-1', '7000001', '{{"session_name": "bare"}}', 'null', 'null',
    {start} + n, {start} + n
FROM generate_series(0, {number} - 1) n"""

FIRST_BARE = 6_000_000_000_000_000_000


def add_bare(postgres: Postgres, database: str, number: int) -> None:
    """So many sessions without runs, with ids from FIRST_BARE on: those that a benchmark deletes."""
    postgres.run(BARE.format(first=FIRST_BARE, number=number, start=START - 10**8), database=database)


def remove_created(postgres: Postgres, database: str, sessions: int) -> None:
    """Delete every session beyond the data set's own, and leave the tables as vacuumed as they were."""
    first, last = str(FIRST_SESSION), str(FIRST_SESSION + sessions - 1)
    others = "DELETE FROM ai.agno_sessions WHERE session_id NOT BETWEEN %s AND %s"
    postgres.run(others, first, last, database=database)
    postgres.run("VACUUM ANALYZE ai.agno_sessions", database=database)
