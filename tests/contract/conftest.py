"""The servers of the contract test, and its table of routes."""

from collections.abc import Iterator

import pytest

from . import servers
from .postgres import Postgres, embedded


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with embedded() as server:
        yield server


@pytest.fixture(scope="session")
def agentos(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Servers]:
    with servers.agentos(postgres, tmp_path_factory.mktemp("agentos")) as running:
        yield running
