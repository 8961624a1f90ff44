"""A database as agno writes it: its tables of each layout, and rows in them."""

import json
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.postgresql.programs import new_database

from .postgres import Server

DATASETS = Path(__file__).parents[1] / "contract/data"

EMPTY = """
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('ai', 'archive') LOOP
    EXECUTE format('TRUNCATE %I.%I CASCADE', t.schemaname, t.tablename);
  END LOOP;
END $$"""

# 2.0 to 2.2: json, and a unique constraint in place of the primary key
TO_JSON = """
DO $$ DECLARE c record; BEGIN
  FOR c IN SELECT column_name FROM information_schema.columns WHERE table_schema = 'ai' AND data_type = 'jsonb' LOOP
    EXECUTE format('ALTER TABLE ai.agno_sessions ALTER %I TYPE json', c.column_name);
  END LOOP;
END $$;
ALTER TABLE ai.agno_sessions DROP CONSTRAINT agno_sessions_pkey,
    ADD CONSTRAINT agno_sessions_uq_session_id UNIQUE (session_id);
DROP TABLE ai.agno_schema_versions"""


def templates(server: Server, extension: str | None = None) -> None:
    """Make a template database of each layout, with this extension in it."""
    server.run("DROP DATABASE IF EXISTS empty")
    with closing(psycopg2.connect(server.dsn())) as connection:
        connection.autocommit = True
        new_database(connection, "empty")
    if extension is not None:
        server.run(f"CREATE EXTENSION {extension}", database="empty")
    for layout, dataset in {"v3": "v3", "v2": "v2", "mixed": "mixed"}.items():
        server.run(f"CREATE DATABASE {layout} TEMPLATE empty")
        server.run((DATASETS / f"dataset_{dataset}.sql").read_text(), database=layout)
        server.run(EMPTY, database=layout)
    server.run("CREATE DATABASE v2_json TEMPLATE v2")
    server.run(TO_JSON, database="v2_json")


@dataclass(frozen=True)
class Agno:
    """One database, and what an agent process would do in it."""

    server: Server
    name: str

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        return self.server.run(statement, *values, database=self.name)

    def value(self, statement: str, *values: Any) -> Any:
        """The only value of a statement."""
        [(value,)] = self.run(statement, *values)
        return value

    def session(self, session_id: str, session_type: str = "agent", table: str = "ai.agno_sessions", **columns: Any):
        """Insert a session; dicts and lists become JSON, what is not given is NULL."""
        row = {"session_id": session_id, "session_type": session_type, "created_at": 1, **columns}
        self._insert(table, row)
        return session_id

    def add_run(self, session_id: str, run_id: str, index: int | None = 0, **data: Any) -> None:
        """Insert a run into the runs table; `created` is its time, the rest is its data."""
        created = data.pop("created", 1)
        row = {
            "run_id": run_id,
            "session_id": session_id,
            "run_type": "agent",
            "run_index": index,
            "run_data": {"run_id": run_id, **data},
            "created_at": created,
        }
        self._insert("ai.agno_runs", row)

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        values = [
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value for value in row.values()
        ]
        places = ", ".join("%s" for _ in values)
        self.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *values)

    def ids(self, table: str, column: str = "session_id") -> list[str]:
        """The ids in a table, in order."""
        return [id for (id,) in self.run(f"SELECT {column} FROM {table} ORDER BY 1")]

    def backends(self) -> list[tuple[int, str, str]]:
        """The service's connections: process id, state, and latest statement."""
        return self.server.run(
            "SELECT pid, state, query FROM pg_stat_activity WHERE datname = %s AND application_name = %s",
            *(self.name, "agno-session-service"),
        )

    def terminate_backends(self) -> int:
        """Kill the service's connections; returns when they are gone."""
        ours = "FROM pg_stat_activity WHERE datname = %s AND application_name = 'agno-session-service'"
        killed = self.server.run(f"SELECT pg_terminate_backend(pid) {ours}", self.name)
        while self.server.run(f"SELECT {ours}", self.name):
            time.sleep(0.01)
        return len(killed)
