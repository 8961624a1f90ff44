"""The servers of the contract test, and its table of routes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql.plugin import pytest_generate_tests  # noqa: F401
from tests.postgresql.programs import NEWEST

from . import servers
from .deliberate import Expectations
from .postgres import Postgres, embedded
from .tally import Tally

HERE = Path(__file__).parent
# Of the tables that AgentOS makes when it starts, one that requests name.
OTHERS = """
DO $$ DECLARE s record; BEGIN
  FOR s IN SELECT nspname AS name FROM pg_namespace WHERE nspname IN ('ai', 'archive') LOOP
    EXECUTE format('CREATE TABLE %I.agno_memories (memory_id varchar)', s.name);
  END LOOP;
END $$"""
TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.timeout(600))  # whichever comes first starts all servers


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[TALLY].counts:
        terminalreporter.section("the contract: answers the same as AgentOS' or not, by route")
        for line in config.stash[TALLY].lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[TALLY]


@pytest.fixture(scope="session")
def postgres_version() -> int:
    """The version of PostgreSQL under test."""
    return NEWEST


@pytest.fixture(scope="session")
def postgres(postgres_version: int) -> Iterator[Postgres]:
    with embedded(postgres_version) as server:
        yield server


@pytest.fixture(scope="session")
def agentos(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Servers]:
    with servers.agentos(postgres, tmp_path_factory.mktemp("agentos")) as running:
        yield running


@pytest.fixture(scope="session")
def expectations(agentos: servers.Servers) -> Expectations:
    return Expectations(agentos)


@pytest.fixture(scope="session")
def service(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Servers]:
    with servers.service(postgres, tmp_path_factory.mktemp("service"), statement=OTHERS) as running:
        yield running
