"""What each release of agno wrote, the service before it, and AgentOS beside it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from tests.contract.servers import SERVICE, environment, free_port, wait_for
from tests.postgresql.programs import NEWEST as NEWEST_POSTGRES
from tests.service.agno import Agno
from tests.service.postgres import Server, embedded

from . import releases
from .story import Story, happened, rows


@dataclass(frozen=True)
class Written:
    """The sessions that a release wrote, how their runs ended as it told, and the databases that hold them.

    One is as the release `left` it; of two copies AgentOS has `opened` one, and the service has `changed` the other.
    """

    release: str
    told: dict[str, list[str]]
    databases: dict[str, Agno]

    def db_id(self, state: str) -> str:
        """What the service calls one of the databases."""
        return f"agno-{self.release.replace('.', '-')}-{state}"

    @cached_property
    def sessions(self) -> list[tuple[str, str]]:
        """Each session with its type."""
        return self.databases["left"].run("SELECT session_id, session_type FROM ai.agno_sessions ORDER BY 1")

    @cached_property
    def runs(self) -> list[tuple[str, str]]:
        """Each run with its session."""
        found = rows(self.databases["left"]).values()
        return [(row["session_id"], run["run_id"]) for row in found for run in row["runs"]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "own_agentos" in metafunc.fixturenames:
        metafunc.parametrize("release", [r for r in releases.wanted() if r == releases.SAME_TABLES])
    elif "release" in metafunc.fixturenames:
        metafunc.parametrize("release", releases.wanted())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with embedded(version=NEWEST_POSTGRES) as server:
        yield server


@pytest.fixture(scope="session")
def all_written(postgres: Server) -> dict[str, Written]:
    return {release: write(postgres, release) for release in releases.wanted()}


def write(postgres: Server, release: str) -> Written:
    """Have a release write its sessions."""
    left = postgres.new_database()
    told = releases.ask(release, write=True, dsn=postgres.uri(left))
    names = {"left": left, **{state: postgres.new_database(left) for state in ("opened", "changed")}}
    return Written(release, told, {state: Agno(postgres, name) for state, name in names.items()})


@pytest.fixture
def written(release: str, all_written: dict[str, Written]) -> Written:
    return all_written[release]


@pytest.fixture(scope="session")
def service(all_written: dict[str, Written], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the service, which serves each database under its id."""
    dsns = {
        written.db_id(state): agno.server.uri(agno.name)
        for written in all_written.values()
        for state, agno in written.databases.items()
    }
    port = free_port()
    settings = {
        "AGNO_SESSION_DSN_MAP": json.dumps(dsns),
        "AGNO_SERVICE_PORT": str(port),
        "AGNO_ADMIN_PORT": "off",
        "AGNO_DRAIN_SECONDS": "0",
    }
    log = tmp_path_factory.mktemp("service") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([SERVICE, "serve"], stdout=output, stderr=output, env=environment(settings))
    try:
        wait_for(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def agentos(all_written: dict[str, Written], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of AgentOS of the newest release, by the release that wrote what it has opened."""
    ports = {release: free_port() for release in all_written}
    with serving(releases.NEWEST, all_written, ports, tmp_path_factory.mktemp("agentos") / "log"):
        yield ports


@pytest.fixture(scope="session")
def own_agentos(all_written: dict[str, Written], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of AgentOS of the older release that has the tables of the newest, on what that wrote."""
    port = free_port()
    log = tmp_path_factory.mktemp("own-agentos") / "log"
    with serving(releases.SAME_TABLES, all_written, {releases.SAME_TABLES: port}, log):
        yield port


@contextmanager
def serving(release: str, all_written: dict[str, Written], ports: dict[str, int], log: Path) -> Iterator[None]:
    """AgentOS of this release on what others wrote, each on its port."""
    opened = {writer: all_written[writer].databases["opened"] for writer in ports}
    servers = [(agno.server.uri(agno.name), ports[writer]) for writer, agno in opened.items()]
    command = [releases.python(release), "-W", "ignore", releases.AGNO_SIDE]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment({}))
    try:
        assert process.stdin
        process.stdin.write(json.dumps({"serve": servers}).encode())
        process.stdin.close()
        for port in ports.values():
            wait_for(port, process, log)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def story_of(all_written: dict[str, Written], service: int) -> Callable[[str], Story]:
    """What happened to the sessions of a release; it happens once."""

    def story(release: str) -> Story:
        written = all_written[release]
        return happened(release, written.databases["changed"], service, written.db_id("changed"))

    return cache(story)


@pytest.fixture
def story(release: str, story_of: Callable[[str], Story]) -> Story:
    return story_of(release)
