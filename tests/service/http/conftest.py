"""The service in this process, on a socket of its own, over databases of its own."""

import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from session_service.app import create_app
from session_service.observability import logs
from session_service.serving import ApiRunner
from session_service.settings import Settings

from .listening import Listen, listeners


class ServiceServer(TestServer):
    """The application on a socket, run as the program runs it."""

    async def _make_runner(self, **options: Any) -> ApiRunner:
        return ApiRunner(self.app, **options)


@pytest.fixture
async def listen(new_agno) -> AsyncIterator[Listen]:
    """The listeners as the program has them, of a DSN and more variables of the environment."""
    async with listeners() as start:
        yield start


Serve = Callable[..., Awaitable[TestClient]]


class Log:
    """All that is logged, as JSON lines; the loggers of a service are those of when it was made."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self._stream = io.TextIOWrapper(self._bytes, write_through=True)
        self.configure("debug")

    def configure(self, level: str) -> None:
        """Log from this level on."""
        logs.configure("json", level, self._stream)

    @property
    def text(self) -> str:
        """All of it."""
        return self._bytes.getvalue().decode()

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines of the logger of this name."""
        return [line for line in map(json.loads, self.text.splitlines()) if line["logger"] == name]


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged from now on."""
    level = logging.getLogger().level
    yield Log()
    logs.configure()
    logging.getLogger().setLevel(level)


@pytest.fixture
async def serve(new_agno) -> AsyncIterator[Serve]:
    """Serves a DSN map (or one DSN) with more variables of the environment."""
    clients: list[TestClient] = []

    async def start(databases: Any, **variables: str) -> TestClient:
        dsn_map = {"main": databases} if isinstance(databases, str) else databases
        settings = Settings.load({"AGNO_SESSION_DSN_MAP": json.dumps(dsn_map), **variables})
        client = TestClient(ServiceServer(create_app(settings)))
        clients.append(client)
        await client.server.start_server(access_log=None)  # as `serve` does
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()
