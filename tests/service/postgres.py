"""A real PostgreSQL for the tests of the service: databases by template, and ways to hurt a server."""

import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg2
from psycopg2.extensions import make_dsn

from tests.postgresql import programs

ADMIN = "postgres"


@dataclass(frozen=True)
class Server:
    """A server that listens on a Unix socket. Whoever connects without a role is its superuser."""

    directory: Path
    socket: Path
    version: int = programs.NEWEST
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def pid(self) -> int:
        """The process id of its postmaster."""
        return int((self.directory / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it where it was stopped; returns when it takes connections."""
        options = f"-h '' -k {self.socket}"
        self.pg("pg_ctl", "-w", "-l", self.directory / "log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """End it: `smart` waits for those who are connected, `fast` ends them, `immediate` is a crash."""
        self.pg("pg_ctl", "-w", "-m", mode, "stop")

    def pg(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs on its data directory."""
        programs.run(self.version, program, "-D", self.directory, *arguments)

    def dsn(self, database: str = ADMIN, **words: str) -> str:
        """`key=value` words of one of its databases, as the superuser unless another `user` is given."""
        return make_dsn(**{"host": str(self.socket), "user": ADMIN, "dbname": database, **words})

    def uri(self, database: str) -> str:
        """The same as an URI, which AgentOS takes."""
        return f"postgresql://{ADMIN}@/{database}?host={self.socket}"

    def run(self, statement: str, *values: Any, database: str = ADMIN) -> list[tuple[Any, ...]]:
        """The rows of one statement, none if it returns nothing; autocommit."""
        connection = psycopg2.connect(self.dsn(database))
        try:
            connection.autocommit = True
            connection.set_client_encoding("UTF8")
            cursor = connection.cursor()
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def new_database(self, template: str = "template0") -> str:
        """The name of a new database like `template`."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def allow(self, *rules: str) -> None:
        """Put these lines before all others of `pg_hba.conf`, and have them read."""
        file = self.directory / "pg_hba.conf"
        file.write_text("\n".join(rules) + "\n" + file.read_text())
        self.run("SELECT pg_reload_conf()")

    @property
    def processes(self) -> list[psutil.Process]:
        """The postmaster first, so that it forks no more when the others are stopped."""
        postmaster = psutil.Process(self.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def freeze(self) -> None:
        """Stop every process of it (SIGSTOP): connections are taken by the kernel, and nothing answers."""
        psutil.Process(self.pid).suspend()
        for process in self.processes[1:]:
            process.suspend()

    def kill(self) -> None:
        """End every process of it at once."""
        with suppress(psutil.NoSuchProcess, FileNotFoundError):  # it was stopped
            self.freeze()
            processes = self.processes
            for process in processes:
                process.kill()
            psutil.wait_procs(processes)

    def thaw(self) -> None:
        """Let it go on where it was."""
        for process in reversed(self.processes):
            with suppress(psutil.NoSuchProcess):
                process.resume()


@dataclass(frozen=True)
class Coordinator(Server):
    """The coordinator of a Citus cluster, by a DSN of its superuser: each schema is on a node of its own."""

    citus: str = ""

    def dsn(self, database: str = ADMIN, **words: str) -> str:
        """The DSN for one of its databases."""
        options = "-c citus.enable_schema_based_sharding=on"
        return make_dsn(self.citus, **{"dbname": database, "options": options, **words})

    def run(self, statement: str, *values: Any, database: str = ADMIN) -> list[tuple[Any, ...]]:
        """The rows of one statement; a database that is made takes the place of one that was left behind."""
        if created := re.match(r"CREATE DATABASE (\w+)", statement):
            super().run(f"DROP DATABASE IF EXISTS {created[1]}")
        return super().run(statement, *values, database=database)


def coordinator(dsn: str) -> Coordinator:
    """The Citus cluster that a DSN leads to."""
    with closing(psycopg2.connect(dsn)) as connection:
        version = connection.server_version // 10000
    return Coordinator(Path(), Path(), version, citus=dsn)


def _memory() -> Path | None:
    """Where files are in memory, if there is room: databases are made and dropped by the hundred."""
    place = Path("/dev/shm")
    return place if place.is_dir() and shutil.disk_usage(place).free > 2 * 2**30 else None


@contextmanager
def embedded(*, version: int = programs.NEWEST, durable: bool = False) -> Iterator[Server]:
    """A PostgreSQL of this version, gone afterwards. Unless `durable`, a crash may lose writes."""
    directory = Path(tempfile.mkdtemp(prefix="service-", dir=_memory()))
    server = Server(directory, directory, version)
    try:
        programs.initialize(version, directory)
        server.start()
        for setting in () if durable else ("fsync", "synchronous_commit", "full_page_writes"):
            server.run(f"ALTER SYSTEM SET {setting} = off")
        server.run("ALTER SYSTEM SET password_encryption = 'scram-sha-256'")  # before 14 it is md5
        server.run("SELECT pg_reload_conf()")
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)


@contextmanager
def standby(primary: Server) -> Iterator[Server]:
    """A streaming replica of the server, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="standby-", dir=_memory()))
    shutil.chown(directory, *_owner(primary.directory))
    server = Server(directory, directory, primary.version)
    try:
        server.pg("pg_basebackup", "-d", primary.dsn(), "-c", "fast")
        # by hand: what a newer pg_basebackup writes there holds words that an older server does not know
        (directory / "standby.signal").touch()
        with (directory / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host={primary.socket} user={ADMIN}'\n")
        (directory / ".s.PGSQL.5432.lock").unlink()  # the primary's: its socket is in its data directory
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)


def _owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid
