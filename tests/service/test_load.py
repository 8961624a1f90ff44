"""The load of the tests on a node (tests/e2e/load.py), on loopback: it tells what is cut, forgotten or refused."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from tests.e2e.load import GOOD, Load

from .agno import Agno
from .http.listening import listeners

Meddle = Callable[[web.Request, aiohttp.ClientResponse], Awaitable[web.StreamResponse | None]]


async def leave_alone(_: web.Request, __: aiohttp.ClientResponse) -> None:
    """Pass everything on."""


@asynccontextmanager
async def meddling(url: str, meddle: Meddle) -> AsyncIterator[str]:
    """A proxy in front of the service, whose answers it may change."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        headers = {"Content-Type": request.headers["Content-Type"]} if body else {}
        async with client.request(
            request.method, url + request.path_qs, data=io.BytesIO(body) if body else None, headers=headers
        ) as answer:
            return await meddle(request, answer) or web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )

    runner = web.ServerRunner(web.Server(handle))
    async with aiohttp.ClientSession() as client:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def counted(
    agno: Agno, meddle: Meddle, enough: Callable[[Counter[str]], bool], *, forgotten: str = ""
) -> Counter[str]:
    """What the load counts, once it was told to stop after enough; before that the database may forget something."""
    async with listeners() as listen:
        port, _ = await listen(agno.dsn)
        async with meddling(f"http://127.0.0.1:{port}", meddle) as url:
            stop, load = asyncio.Event(), Load(url, "default")
            running = asyncio.create_task(load.run(stop))
            while not enough(load.counts) and not running.done():  # noqa: ASYNC110 - the load tells by its counts
                await asyncio.sleep(0.02)
            if forgotten:
                await asyncio.to_thread(agno.run, forgotten)
            stop.set()
            await running
    return load.counts


def bad(counts: Counter[str]) -> dict[str, int]:
    return {what: count for what, count in counts.items() if what not in GOOD}


def some_of_each(counts: Counter[str]) -> bool:
    return counts["read"] > 20 and counts["write"] > 10 and counts["stream"] > 1


async def test_of_a_service_that_does_its_work_everything_is_good(new_agno: Callable[[str], Agno]) -> None:
    counts = await counted(new_agno("empty"), leave_alone, some_of_each)

    assert bad(counts) == {}
    assert counts["kept"] >= counts["write"]


async def cut(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse | None:
    """A connection that breaks in the middle of a stream."""
    if not request.path.endswith("/runs"):
        return None
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write((await answer.read())[:1_000_000])
    assert request.transport
    request.transport.abort()
    return response


async def end(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse | None:
    """A stream that ends early, as if that were all."""
    return web.Response(body=(await answer.read())[:1_000_000]) if request.path.endswith("/runs") else None


async def leave_out(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse | None:
    """A stream without its last run, which is JSON all the same."""
    if not request.path.endswith("/runs"):
        return None
    return web.json_response((await answer.json())[:-1])


async def refuse(request: web.Request, _: aiohttp.ClientResponse) -> web.StreamResponse | None:
    """A refusal of what was done."""
    return web.json_response({"detail": "no"}, status=503) if request.method == "PATCH" else None


@pytest.mark.parametrize(
    ("meddle", "told"),
    [
        (cut, "stream: ClientPayloadError"),
        (end, "stream: JSONDecodeError"),
        (leave_out, "stream: Wrong other runs"),
        (refuse, "write: Wrong 503"),
    ],
)
async def test_an_answer_that_is_not_whole_is_told(new_agno: Callable[[str], Agno], meddle: Meddle, told: str) -> None:
    counts = await counted(new_agno("empty"), meddle, lambda counts: bool(bad(counts)))

    assert all(what.startswith(told) for what in bad(counts)), counts


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM ai.agno_sessions WHERE session_id = 's1'", "lost: Wrong 404"),
        (
            "UPDATE ai.agno_sessions SET session_data = session_data - 'session_name' WHERE session_id = 's1'",
            "lost: Wrong another content",
        ),
        (
            'INSERT INTO ai.agno_sessions SELECT (jsonb_populate_record(s, \'{"session_id": "s0"}\')).* '
            "FROM ai.agno_sessions s WHERE session_id = 's1'",
            "lost: Wrong 200",
        ),
    ],
    ids=["deleted", "changed", "back again"],
)
async def test_a_write_that_is_forgotten_later_is_told(
    new_agno: Callable[[str], Agno], statement: str, told: str
) -> None:
    counts = await counted(new_agno("empty"), leave_alone, lambda counts: counts["write"] > 6, forgotten=statement)

    assert bad(counts) == {told: 1}
