"""AgentOS and the service, each started once for all modes and datasets of the contract."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

from .exchange import Answer, Request
from .postgres import Database, Postgres

ROOT = Path(__file__).parents[2]
AGENTOS_PYTHON = ROOT / ".venv-agentos/bin/python"
SERVICE = Path(sys.executable).parent / "session-service"

SECURITY_KEY = "sk-contract-example"
JWT = {
    "JWT_VERIFICATION_KEY": "contract-example-key-that-is-long-enough-0123456789",
    "AGNO_JWT_ALGORITHM": "HS256",
    "AGNO_AUTHORIZATION": "true",
    "AGNO_USER_ISOLATION": "false",
    "AGNO_OS_ID": "my-os",
}
MODES: dict[str, dict[str, str]] = {
    "open": {},
    "multi": {"AGNO_REQUIRE_DB_ID": "true"},
    "key": {"OS_SECURITY_KEY": SECURITY_KEY},
    "jwt": JWT,
    "jwt_audience": {**JWT, "AGNO_JWT_VERIFY_AUDIENCE": "true"},
    "jwt_isolated": {**JWT, "AGNO_USER_ISOLATION": "true"},
}
Configuration = tuple[str, str]
CONFIGURATIONS: list[Configuration] = [("v3", mode) for mode in MODES] + [
    (dataset, "open") for dataset in ("v2", "mixed", "odd")
]


class Fault(Protocol):
    """What goes wrong on purpose."""

    def strike(self, database: Database, request: Request, answer: Answer) -> Answer:
        """The answer that comes in place of this one, once the rows are as this fault leaves them."""


@dataclass(frozen=True)
class Server:
    """A server on a port, and the database it answers from; with a fault where the tests are tried."""

    port: int
    database: Database
    fault: Fault | None = None

    def ask(self, request: Request) -> Answer:
        """The answer; a request that may write makes the next `fresh` restore the dataset."""
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            self.database.touched = True
        answer = request.send(self.port)
        return self.fault.strike(self.database, request, answer) if self.fault else answer

    def sort_keys(self, request: Request) -> dict[str, str | None]:
        """What a list is sorted by, for each session: none of them has a key where the column is unknown."""
        row = "to_jsonb(t) || jsonb_build_object('updated_at', coalesce(updated_at, created_at))"
        column = request.query.get("sort_by", "created_at")
        return dict(self.database.run(f"SELECT session_id, ({row}) ->> %s FROM {request.table} t", column))

    def fresh(self) -> "Server":
        """The same server, with the rows of the dataset in its database."""
        self.database.restore()
        return self


Servers = dict[Configuration, Server]


def dsn_map(dsn: str, mode: str) -> str:
    """The databases of a mode as the service is told them."""
    if mode != "multi":
        return json.dumps({"main": dsn})
    archive = {"dsn": dsn, "schema": "archive"}
    return json.dumps({"main": dsn, "archive": [archive, {**archive, "sessionTable": "sessions_2024"}]})


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def databases(postgres: Postgres, prefix: str, configurations: Sequence[Configuration]) -> Servers:
    """A database and a port for each configuration."""
    return {
        (dataset, mode): Server(free_port(), postgres.create(f"{prefix}_{dataset}_{mode}", dataset))
        for dataset, mode in configurations
    }


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when /health answers; show the log if that does not happen."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if Request("GET", "/health").send(port).status == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} did not come up:\n{log.read_text()[-4000:]}")


def environment(settings: dict[str, str]) -> dict[str, str]:
    """These settings and nothing of ours but what a program needs to run."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | settings


@contextmanager
def agentos(postgres: Postgres, logs: Path, prefix: str = "agentos") -> Iterator[Servers]:
    """AgentOS from PyPI, in its own virtual environment."""
    servers = databases(postgres, prefix, CONFIGURATIONS)
    plan = [{"mode": mode, "dsn": server.database.dsn, "port": server.port} for (_, mode), server in servers.items()]
    with agentos_process(plan, logs / "agentos.log"):
        yield servers


@contextmanager
def agentos_process(plan: list[dict[str, Any]], log: Path) -> Iterator[None]:
    """AgentOS as agentos_server.py reads the plan, while all of it answers."""
    if not AGENTOS_PYTHON.exists():
        raise RuntimeError("AgentOS is not installed: make .venv-agentos/.installed")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [AGENTOS_PYTHON, Path(__file__).with_name("agentos_server.py")],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=environment({}),
        )
    try:
        assert process.stdin
        process.stdin.write(json.dumps(plan).encode())
        process.stdin.close()
        for server in plan:
            wait_for(server["port"], process, log)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def service(
    postgres: Postgres,
    logs: Path,
    prefix: str = "service",
    configurations: Sequence[Configuration] = CONFIGURATIONS,
    statement: str = "",
) -> Iterator[Servers]:
    """The service as it is installed, one process for each configuration, after a statement in its database."""
    servers = databases(postgres, prefix, configurations)
    if statement:
        for server in servers.values():
            server.database.run(statement)
    processes = []
    try:
        for (dataset, mode), server in servers.items():
            log = logs / f"service-{dataset}-{mode}.log"
            settings = {
                "AGNO_SESSION_DSN_MAP": dsn_map(server.database.dsn, mode),
                "AGNO_SERVICE_PORT": str(server.port),
                "AGNO_ADMIN_PORT": "off",
                "AGNO_DRAIN_SECONDS": "0",
                **MODES[mode],
            }
            with log.open("wb") as output:
                process = subprocess.Popen([SERVICE, "serve"], stdout=output, stderr=output, env=environment(settings))
            processes.append((server, process, log))
        for server, process, log in processes:
            wait_for(server.port, process, log)
        yield servers
    finally:
        for _, process, _ in processes:
            process.terminate()
        for _, process, _ in processes:
            process.wait(timeout=30)
