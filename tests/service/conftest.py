"""PostgreSQL for the tests of the service: a fresh database for each, and a server of its own where one gets hurt."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from session_service.database.database import Database
from session_service.database.dsn import Dsn
from session_service.database.dsn_map import Source
from session_service.store.session_store import SessionStore
from tests.postgresql.programs import NEWEST

from .agno import Agno, templates
from .postgres import ADMIN, Server, coordinator, embedded, standby

OpenDatabase = Callable[..., Database]
OpenStore = Callable[..., SessionStore]
NewAgno = Callable[[str], Agno]


@pytest.fixture(scope="session")
def postgres_version() -> int:
    """The version of PostgreSQL under test; the tests of database and store are run on several."""
    return NEWEST


@pytest.fixture(scope="session")
def postgres(postgres_version: int) -> Iterator[Server]:
    """The server under test; with CITUS_DSN a coordinator of Citus, for the tests of the store."""
    if dsn := os.environ.get("CITUS_DSN"):
        citus = coordinator(dsn)
        templates(citus, extension="citus")
        yield citus
        return
    with embedded(version=postgres_version) as server:
        templates(server)
        yield server


@pytest.fixture(scope="module")
def copy(postgres: Server) -> Iterator[Server]:
    """A streaming replica of it."""
    with standby(postgres) as server:
        yield server


@pytest.fixture
def own_server(postgres_version: int) -> Iterator[Server]:
    """A server that a test may freeze, fill or crash."""
    with embedded(version=postgres_version) as server:
        yield server


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def new_agno(postgres: Server) -> Iterator[NewAgno]:
    """Makes databases with agno's tables as a release leaves them: v3, v2, v2_json, mixed, or empty."""
    made: list[str] = []

    def new(layout: str) -> Agno:
        made.append(postgres.new_database(layout))
        return Agno(postgres, made[-1])

    yield new
    for name in made:
        # without FORCE: it fails where a connection was left open
        postgres.run(f"DROP DATABASE {name}")


@pytest.fixture
def v3(new_agno: NewAgno) -> Agno:
    return new_agno("v3")


@pytest.fixture
async def open_database(new_agno: NewAgno) -> AsyncIterator[OpenDatabase]:
    """Opens databases by DSN; more words are those of `Source`."""
    opened: list[Database] = []

    def open(dsn: str, **words: object) -> Database:
        opened.append(Database("main", Source(Dsn.parse(dsn), **words)))
        return opened[-1]

    yield open
    for database in opened:
        await database.close()


@pytest.fixture
def open_store(open_database: OpenDatabase) -> OpenStore:
    """Opens the sessions of a database as `user`; more words are those of `Source`."""

    def open(agno: Agno, user: str = ADMIN, **words: object) -> SessionStore:
        dsn = agno.server.dsn(agno.name, user=user)
        return SessionStore(open_database(dsn, **words), Source(Dsn.parse(dsn), **words))

    return open
