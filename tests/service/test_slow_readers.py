"""Clients that read slowly, or not at all, keep nobody else from the database."""

import asyncio
import contextlib
import socket
import time
from urllib.parse import urlsplit

import aiohttp
import pytest

from session_service.http.connection import WRITE_SECONDS

from .agno import Agno
from .process import serving
from .waiting import until

READERS = 10
# longer than a request waits for a connection
SECONDS = 11

HISTORY = """
INSERT INTO ai.agno_sessions (session_id, session_type, agent_id, created_at) VALUES ('long', 'agent', 'x', 1);
INSERT INTO ai.agno_runs (run_id, session_id, run_type, agent_id, run_index, run_data, created_at)
    SELECT 'r' || r, 'long', 'agent', 'x', r,
        jsonb_build_object('run_id', 'r' || r, 'agent_id', 'x', 'content', repeat('0123456789', 5000)), 1
    FROM generate_series(1, 2000) r"""


@pytest.fixture(scope="module")
def long_history(postgres):
    agno = Agno(postgres, postgres.new_database("v3"))
    agno.run(HISTORY)
    return agno


async def read_slowly(url, path, bytes_a_second):
    """Ask for it, take as much of it, and ask again when the connection ends."""
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as client, contextlib.suppress(ConnectionError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, (address.hostname, address.port))
            await loop.sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            received = 0
            while bytes_a_second and (piece := await loop.sock_recv(client, 1000)):
                received += len(piece)
                await asyncio.sleep(len(piece) / bytes_a_second)
            if not bytes_a_second:
                await asyncio.sleep(WRITE_SECONDS + 1)


@contextlib.asynccontextmanager
async def slow_readers(url, path, bytes_a_second):
    readers = [asyncio.create_task(read_slowly(url, path, bytes_a_second)) for _ in range(READERS)]
    try:
        yield
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


def streaming(agno):
    return [state for _, state, _ in agno.backends()].count("idle in transaction")


@pytest.mark.parametrize("bytes_a_second", [0, 10_000])
async def test_ten_slow_readers_keep_nobody_else_from_the_database(long_history, bytes_a_second):
    async with (
        serving(AGNO_PG_DSN=long_history.dsn) as service,
        aiohttp.ClientSession(service.url) as client,
        slow_readers(service.url, "/sessions/long/runs", bytes_a_second),
    ):
        await until(lambda: streaming(long_history))
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            statuses = await asyncio.gather(*(status(client, "/sessions?limit=5") for _ in range(5)))
            assert set(statuses) == {200}
            assert streaming(long_history) <= 2
            await asyncio.sleep(0.2)


async def status(client, path):
    async with client.get(path) as answer:
        await answer.read()
        return answer.status
