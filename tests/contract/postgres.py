"""One PostgreSQL for the test session, and databases in it that hold one of the datasets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg2

from tests.postgresql import programs
from tests.service.postgres import embedded as server_of

from .exact import exact

Rows = dict[str, list[dict[str, Any]]]
NULL = "<SQL NULL>"
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

    def run(self, statement: str, *values: Any, **named: Any) -> list[list[Any]]:
        """The rows of one statement, none if it returns nothing; its values are named or not."""
        connection = psycopg2.connect(self.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, named or values or None)
                return [list(row) for row in cursor.fetchall()] if cursor.description else []
        finally:
            connection.close()

    def restore(self) -> None:
        """Put the rows of the dataset back, in their order, if they were touched."""
        if self.touched:
            self.run(RESTORE)
            self.touched = False

    @cached_property
    def pristine(self) -> Rows:
        """The rows of the dataset."""
        self.restore()
        return self.rows()

    def rows(self) -> Rows:
        """Every row of the dataset's tables, but for those in which agno notes its versions."""
        found: Rows = {}
        for table, row in self.run(self._reading):
            found.setdefault(table, []).append(exact(row))
        return found

    @cached_property
    def _reading(self) -> str:
        """All rows as JSON text, each with its table; in them SQL NULL is told from JSON null."""
        tables = self.run(
            f"""SELECT format('%I.%I', table_schema, table_name), string_agg(
                    format('%L, coalesce(to_jsonb(t.%I), %L)', column_name, column_name, '"{NULL}"'), ', ')
                FROM information_schema.columns JOIN pg_tables
                    ON schemaname = 'pristine' AND tablename = table_schema || '.' || table_name
                WHERE table_name !~ 'versions' GROUP BY 1"""
        )
        return " UNION ALL ".join(
            f"SELECT '{table}', jsonb_build_object({columns})::text FROM {table} t" for table, columns in tables
        )


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
