"""Ten clients with bodies of 31.5 MiB at a time: the service stays small, and answers the others."""

import asyncio
import io
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from .agno import Agno
from .process import serving
from .waiting import until

SIZE = int(31.5 * 2**20)
CLIENTS = 10
MOST_GROWTH = 200 * 2**20
# with ten of them under way; each used to take the loop for 25 seconds
LONGEST_WAIT = 10
# of what it was before
LEFT_BEHIND = 20 * 2**20

PROBE = """
import http.client, select, sys, time
longest = 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    began = time.monotonic()
    client = http.client.HTTPConnection(sys.argv[1], timeout=120)
    client.request("GET", "/healthz")
    assert client.getresponse().status == 200
    client.close()
    longest = max(longest, time.monotonic() - began)
print(longest)
"""


def filled(opening, closing, unit=b"[],"):
    return opening + unit * ((SIZE - len(opening) - len(closing)) // len(unit)) + closing


BODIES = {
    "an unknown member": (filled(b'{"ignored":[', b"[]]}"), 201),
    "levels in an unknown member": (filled(b'{"ignored":[', b"[]]}", b"[[[[[[]]]]]],"), 201),
    "a member of the wrong kind": (filled(b'{"session_id":[', b"[]]}"), 422),
    "wrong in the last byte": (filled(b'{"ignored":[', b"[]]]"), 422),
    "a text without an end": (filled(b'{"ignored":"', b"", "some text 😀 ".encode()), 422),
    "a list": (filled(b"[", b"[]]"), 422),
}


@pytest.fixture(scope="module")
def agno(postgres):
    return Agno(postgres, postgres.new_database("v3"))


def memory(service, what):
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024


async def post(client, body):
    async with client.post("/sessions", data=io.BytesIO(body), headers={"Content-Type": "application/json"}) as answer:
        content = await answer.read()
        assert answer.status < 500, content
        return answer.status


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BODIES)
async def test_ten_long_bodies_at_a_time_cost_little_and_leave_nothing(agno, name):
    body, status = BODIES[name]
    async with (
        serving(AGNO_PG_DSN=agno.dsn, AGNO_REQUEST_TIMEOUT_SECONDS="240") as service,
        aiohttp.ClientSession(service.url, timeout=aiohttp.ClientTimeout(280)) as client,
    ):
        assert await post(client, b"{}") == 201
        before = memory(service, "VmRSS")
        others = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROBE, service.url.removeprefix("http://")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert set(await asyncio.gather(*(post(client, body) for _ in range(CLIENTS)))) == {status}
        longest, _ = await others.communicate(b"that is all")
        assert float(longest) < LONGEST_WAIT
        assert memory(service, "VmHWM") - before < MOST_GROWTH
        await until(lambda: memory(service, "VmRSS") - before < LEFT_BEHIND)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("unit", [b"[],", b'"some text",'])
async def test_long_states_that_are_stored_leave_nothing_behind(agno, unit):
    body = filled(b'{"session_state":{"a":[', b"0]}}", unit)
    async with (
        serving(AGNO_PG_DSN=agno.dsn, AGNO_REQUEST_TIMEOUT_SECONDS="240") as service,
        aiohttp.ClientSession(service.url, timeout=aiohttp.ClientTimeout(280)) as client,
    ):
        assert await post(client, b"{}") == 201
        before = memory(service, "VmRSS")
        assert await post(client, body) == 201
        assert memory(service, "VmHWM") - before < 300 * 2**20
        await until(lambda: memory(service, "VmRSS") - before < LEFT_BEHIND)
