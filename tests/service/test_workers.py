"""Several processes on one port: connections reach all of them, signals too, and none is missing unnoticed."""

import os
import re
import signal

import aiohttp
import psutil

from .process import run, serving
from .waiting import until


async def answering(url):
    """The statuses that a few new connections get."""
    statuses = []
    async with aiohttp.ClientSession(url) as client:
        for _ in range(20):
            async with client.get("/sessions", headers={"Connection": "close"}) as answer:
                statuses.append(answer.status)
    return statuses


async def test_workers_share_the_port_and_end_together(v3):
    async with serving("--workers", "3", AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="off", AGNO_DRAIN_SECONDS="0") as service:
        children = psutil.Process(service.process.pid).children()
        assert len(children) == 3
        assert set(await answering(service.url)) == {200}
        port = int(re.search(r":(\d+)$", service.url)[1])

        def listening():
            return sum(
                any(each.laddr.port == port and each.status == "LISTEN" for each in child.net_connections())
                for child in children
            )

        await until(lambda: listening() == 3)
        service.process.send_signal(signal.SIGTERM)
        assert await service.end() == 0
    assert not [child for child in children if child.is_running()]


async def test_where_one_dies_the_others_end_and_it_is_a_failure(v3):
    async with serving("--workers", "2", AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="off", AGNO_DRAIN_SECONDS="0") as service:
        first, _ = psutil.Process(service.process.pid).children()
        os.kill(first.pid, signal.SIGKILL)
        assert await service.end() == 1


async def test_it_serves_on_uvloop_too(v3):
    v3.session("a")
    variables = {"AGNO_PG_DSN": v3.dsn, "AGNO_ADMIN_PORT": "off", "AGNO_DRAIN_SECONDS": "0"}
    async with serving("--loop", "uvloop", **variables) as service:
        assert any("uvloop" in each.path for each in psutil.Process(service.process.pid).memory_maps())
        assert set(await answering(service.url)) == {200}
        service.process.send_signal(signal.SIGTERM)
        assert await service.end() == 0


async def test_a_number_of_workers_that_makes_no_sense_is_refused():
    ended = await run("serve", "--workers", "0")
    assert ended.code == 2
    assert "must be 1 or more" in ended.errors
