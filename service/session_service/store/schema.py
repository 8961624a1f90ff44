"""Creates agno's own tables and indexes as agno 3 does. It alters nothing that exists."""

from __future__ import annotations

from .layout import Layout
from .tables import Tables, quoted

_SESSION_COLUMNS = """
    session_id varchar NOT NULL CONSTRAINT {key} PRIMARY KEY,
    session_type varchar NOT NULL,
    agent_id varchar, team_id varchar, workflow_id varchar, user_id varchar,
    session_data jsonb, agent_data jsonb, team_data jsonb, workflow_data jsonb, metadata jsonb, summary jsonb,
    created_at bigint NOT NULL,
    updated_at bigint"""

_RUN_COLUMNS = """
    run_id varchar NOT NULL CONSTRAINT {key} PRIMARY KEY,
    session_id varchar NOT NULL CONSTRAINT {reference} REFERENCES {sessions} (session_id) ON DELETE CASCADE,
    run_type varchar NOT NULL,
    agent_id varchar, team_id varchar, workflow_id varchar, user_id varchar, parent_run_id varchar, status varchar,
    run_index bigint,
    run_data jsonb NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint"""

_VERSION_COLUMNS = """
    table_name varchar NOT NULL CONSTRAINT {key} PRIMARY KEY,
    version varchar NOT NULL,
    created_at varchar NOT NULL,
    updated_at varchar"""

_RUN_INDEXES = ("session_id", "run_type", "agent_id", "team_id", "workflow_id", "user_id", "status", "created_at")


def missing_tables(layout: Layout, tables: Tables) -> list[str]:
    """The SQL that creates the missing tables, statement by statement; it can be repeated.

    It adds no runs table to a v2 sessions table: that would begin agno's migration, which is up to agno.
    """
    missing = [] if layout.schema else [f"CREATE SCHEMA IF NOT EXISTS {tables.schema}"]
    if not layout.sessions_table:
        missing += _sessions(tables)
    if not layout.runs_table and layout.runs_column is None:
        missing += _runs(tables)
    # IF NOT EXISTS does not help if another replica creates the same at the same time
    lock = ["SELECT pg_advisory_xact_lock(hashtext('agno-session-service'))"] if missing else []
    return [statement.replace("%%", "%") for statement in lock + missing]  # no parameter is bound in these


def _sessions(tables: Tables) -> list[str]:
    name = tables.session_table_name
    columns = _SESSION_COLUMNS.format(key=quoted(f"{name}_pkey"))
    return [
        f"CREATE TABLE IF NOT EXISTS {tables.sessions} ({columns}\n)",
        *(_index(tables.sessions, name, column) for column in ("session_type", "created_at")),
        *_version(tables, name),
    ]


def _runs(tables: Tables) -> list[str]:
    name = tables.runs_table_name
    columns = _RUN_COLUMNS.format(
        key=quoted(f"{name}_pkey"), reference=quoted(f"{name}_session_id_fkey"), sessions=tables.sessions
    )
    return [
        f"CREATE TABLE IF NOT EXISTS {tables.runs} ({columns}\n)",
        *(_index(tables.runs, name, column) for column in _RUN_INDEXES),
        _index(tables.runs, name, "session_id", "run_index"),
        *_version(tables, name),
    ]


def _version(tables: Tables, table_name: str) -> list[str]:
    columns = _VERSION_COLUMNS.format(key=quoted("agno_schema_versions_pkey"))
    now = "to_char(localtimestamp, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    literal = "'" + table_name.replace("'", "''").replace("%", "%%") + "'"
    return [
        f"CREATE TABLE IF NOT EXISTS {tables.schema_versions} ({columns}\n)",
        _index(tables.schema_versions, "agno_schema_versions", "created_at"),
        f"INSERT INTO {tables.schema_versions} (table_name, version, created_at, updated_at) "
        f"VALUES ({literal}, '3.0.0', {now}, {now}) ON CONFLICT (table_name) DO NOTHING",
    ]


def _index(table: str, table_name: str, *columns: str) -> str:
    index = quoted(f"idx_{table_name}_{'_'.join(columns)}")
    return f"CREATE INDEX IF NOT EXISTS {index} ON {table} ({', '.join(columns)})"
