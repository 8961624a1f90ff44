"""Ways to the server of the tests."""

import asyncio
import socket
import time

import pytest

from tests.postgresql.plugin import pytest_generate_tests  # noqa: F401


@pytest.fixture
async def forwarded(postgres):
    """A TCP port that leads to the server."""
    tasks = []

    async def pipe(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    async def forward(reader, writer):
        there, back = await asyncio.open_unix_connection(postgres.socket / ".s.PGSQL.5432")
        tasks.extend([asyncio.create_task(pipe(reader, back)), asyncio.create_task(pipe(there, writer))])
        await asyncio.wait(tasks)

    async with await asyncio.start_server(forward, "127.0.0.1") as tcp:
        yield tcp.sockets[0].getsockname()[1]
    await asyncio.wait(tasks)


@pytest.fixture
def names(monkeypatch):
    """Names that the resolver knows, with their addresses in order; it takes its time."""
    known = {"one.test": ["127.0.0.1"], "two.test": ["127.0.0.2", "127.0.0.3"]}
    real = socket.getaddrinfo

    def lookup(host, port, *arguments, **keywords):
        time.sleep(0.3)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [info for address in known[host] for info in real(address, port, *arguments, **keywords)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return known
