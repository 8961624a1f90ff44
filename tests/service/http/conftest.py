"""The service in this process, on a socket of its own, over databases of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from session_service.app import create_app
from session_service.settings import Settings

Serve = Callable[..., Awaitable[TestClient]]


@pytest.fixture
async def serve(new_agno) -> AsyncIterator[Serve]:
    """Serves a DSN map (or one DSN) with more variables of the environment."""
    clients: list[TestClient] = []

    async def start(databases: Any, **variables: str) -> TestClient:
        dsn_map = {"main": databases} if isinstance(databases, str) else databases
        settings = Settings.load({"AGNO_SESSION_DSN_MAP": json.dumps(dsn_map), **variables})
        client = TestClient(TestServer(create_app(settings)))
        clients.append(client)
        await client.server.start_server(access_log=None)  # as `serve` does
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()
