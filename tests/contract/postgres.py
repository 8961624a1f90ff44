"""One PostgreSQL for the test session, and databases in it that hold one of the datasets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.postgresql import programs
from tests.service.postgres import embedded as server_of

DATASETS = Path(__file__).parent / "data"

# The pristine rows stand beside the tables: a reset then takes 20 ms and costs no server its connections.
KEEP = """
CREATE SCHEMA pristine;
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT schemaname AS s, tablename AS n FROM pg_tables WHERE schemaname IN ('ai', 'archive') LOOP
    EXECUTE format('CREATE TABLE pristine.%I AS TABLE %I.%I', t.s || '.' || t.n, t.s, t.n);
  END LOOP;
END $$"""

RESTORE = """
SET LOCAL session_replication_role = replica;
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT split_part(tablename, '.', 1) AS s, split_part(tablename, '.', 2) AS n, tablename AS kept
           FROM pg_tables WHERE schemaname = 'pristine' LOOP
    EXECUTE format('TRUNCATE %I.%I CASCADE', t.s, t.n);
    EXECUTE format('INSERT INTO %I.%I TABLE pristine.%I', t.s, t.n, t.kept);
  END LOOP;
END $$"""


@dataclass
class Database:
    """A database with a dataset in it; `touched` once its rows may be others."""

    dsn: str
    touched: bool = False

    def run(self, statement: str, *values: Any) -> list[list[Any]]:
        """The rows of one statement, none if it returns nothing."""
        connection = psycopg2.connect(self.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return [list(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def restore(self) -> None:
        """Put the rows of the dataset back, in their order, if they were touched."""
        if self.touched:
            self.run(RESTORE)
            self.touched = False

    def contents(self) -> dict[str, list[str]]:
        """Every row of the dataset's tables as JSON text, by table, but for those in which agno notes its versions.

        NULL and JSON null look alike, as they do to every reader of these tables.
        """
        tables = self.run(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'pristine' AND tablename !~ 'versions' ORDER BY 1"
        )
        quoted = {name: ".".join(f'"{part}"' for part in name.split(".")) for (name,) in tables}
        return {
            name: [row for (row,) in self.run(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")]
            for name, table in quoted.items()
        }


@dataclass(frozen=True)
class Postgres:
    """A running server; `uri` formats to the DSN of one of its databases."""

    admin: str
    uri: str

    def create(self, name: str, dataset: str) -> Database:
        """A new database that holds `dataset`: v2, v3, mixed or odd."""
        connection = psycopg2.connect(self.admin)
        connection.autocommit = True
        try:
            programs.new_database(connection, name)
        finally:
            connection.close()
        database = Database(self.uri.format(name))
        database.run((DATASETS / f"dataset_{dataset}.sql").read_text())
        database.run(KEEP)
        return database


@contextmanager
def embedded(version: int) -> Iterator[Postgres]:
    """A PostgreSQL of this version on a Unix socket, gone afterwards."""
    with server_of(version=version) as server:
        yield Postgres(server.uri("postgres"), server.uri("{}"))
