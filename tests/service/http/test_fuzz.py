"""Whatever bytes arrive: no failure of ours, no traceback, and nothing that stays behind.

FUZZ_INPUTS says how many inputs are sent; `make fuzz` sends 100,000.
"""

import asyncio
import json
import os
import re
from collections import Counter

import aiohttp
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.service.process import serving

from .raw_requests import RawRequests

INPUTS = int(os.environ.get("FUZZ_INPUTS", "4000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
CLIENTS = 8
LAST = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
# an input may announce a body that never comes: we leave before the server gives up
PATIENCE = 20.0
PATIENCE_WITH_BROKEN = 0.5
STATUS = rb"HTTP/1\.[01] (\d\d\d) "


class Client(asyncio.Protocol):
    """Keeps all that arrives: a StreamReader forgets what it holds when the connection is reset."""

    def __init__(self) -> None:
        self.said = bytearray()
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.said += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(exc)


async def answers(port: int, inputs: list[bytes], patience: float) -> bytes:
    """All that the server says to these inputs on one connection, within `patience` seconds."""
    transport, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    transport.write(b"".join(inputs))
    await asyncio.wait([client.ended], timeout=patience)
    transport.abort()
    return bytes(client.said)


async def gauge(url: str, name: str) -> float:
    async with aiohttp.ClientSession() as client, client.get(f"{url}/metrics") as answer:
        families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    return families[name].samples[0].value


async def idle(admin: str, process: psutil.Process) -> None:
    """Return when no request is under way and only the listeners and connections to the database are left."""
    async with asyncio.timeout(60):
        while await gauge(admin, "agno_session_http_requests_in_flight") or len(connected(process)) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def connected(process: psutil.Process) -> list[object]:
    return [connection for connection in process.net_connections("tcp4") if connection.status == "ESTABLISHED"]


@pytest.mark.timeout(60 + INPUTS // 20)
async def test_no_bytes_make_it_fail_or_leave_anything_behind(v3, tmp_path):
    for id in ("a", "b"):
        v3.session(id)
    log = tmp_path / "log"
    statuses: Counter[bytes] = Counter()
    with log.open("wb") as stderr:
        async with serving(AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="0", log=stderr) as service:
            admin = await service.admin_url()
            port = int(service.url.rpartition(":")[2])
            process = psutil.Process(service.process.pid)
            sent, memory = 0, 0
            batches = RawRequests(SEED).batches(INPUTS)

            async def client():
                nonlocal sent, memory
                for batch in batches:
                    inputs = [*batch, LAST]
                    patience = PATIENCE if len(batch) > 1 else PATIENCE_WITH_BROKEN
                    said = await answers(port, inputs, patience)
                    # a request whose body was not read is the last on its connection
                    while (found := re.findall(STATUS, said)) and len(found) < len(inputs) > 2:
                        said += (rest := await answers(port, inputs[len(found) :], patience))
                        if not rest:
                            break
                    assert b"Traceback" not in said, batch
                    failed = [status for status in found if status >= b"500" and status not in {b"503", b"504"}]
                    assert not failed, batch
                    # all that are framed well are answered, and the last request too
                    assert len(batch) == 1 or len(found) == len(batch) + 1, (found, batch)
                    statuses.update(found)
                    sent += len(batch)
                    if not memory and sent > INPUTS / 4:
                        memory = process.memory_info().rss

            async with asyncio.TaskGroup() as clients:
                for _ in range(CLIENTS):
                    clients.create_task(client())
            await idle(admin, process)
            assert service.process.returncode is None
            assert process.memory_info().rss - memory < 24 * 2**20
            async with aiohttp.ClientSession() as client, client.get(f"{service.url}/sessions/a") as answer:
                assert answer.status in {200, 404}  # an input may have deleted it
    print(f"{sent} inputs, seed {SEED}: {dict(sorted(statuses.items()))}")
    assert sent >= INPUTS
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if "exception" in line or line["level"] in {"error", "critical"}] == []
