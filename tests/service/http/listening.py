"""The listeners of the program in this process, and raw bytes to and from them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from session_service.app import METRICS, create_app
from session_service.http.admin import create_admin
from session_service.http.server import Rules, Runner, Site
from session_service.serving import ApiRunner
from session_service.settings import Settings

Listen = Callable[..., Awaitable[tuple[int, web.Application]]]


@asynccontextmanager
async def listeners() -> AsyncIterator[Listen]:
    """Serves a DSN as the program does, and gives the port and the application; with `admin` its admin listener's."""
    runners: list[web.AppRunner] = []

    async def start(
        dsn: str, *, admin: bool = False, host: str = "127.0.0.1", **variables: str
    ) -> tuple[int, web.Application]:
        app = create_app(Settings.load({"AGNO_PG_DSN": dsn, **variables}))
        runner = (
            Runner(create_admin(app[METRICS].registry), Rules(), access_log=None)
            if admin
            else ApiRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        )
        runners.append(runner)
        await runner.setup()
        await Site(runner, host, 0).start()
        return runner.addresses[0][1], app

    try:
        yield start
    finally:
        for runner in runners:
            await runner.cleanup()


async def exchange(port: int, *pieces: bytes, more: bytes | None = None) -> bytes:
    """All that comes back for these bytes, up to the end of the connection; `more` is sent again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()

    async def dribble(again: bytes) -> None:
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(0.05)

    dribbling = asyncio.create_task(dribble(more)) if more else None
    try:
        return await reader.read()
    finally:
        if dribbling:
            dribbling.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await dribbling
        writer.close()


def answer(raw: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON (None without a body) of one answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in headers), json.loads(body or b"null")
