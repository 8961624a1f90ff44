"""What listens: each client gets a `Connection`, on the port of the API as on that of the metrics."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from session_service.http.connection import Connection, Refusal


class Server(web.Server):
    """Makes a `Connection` of each client; `refused` is told of what never was a request."""

    def __init__(self, answers: web.Server, refused: Refusal) -> None:
        super().__init__(
            answers.request_handler,
            request_factory=answers.request_factory,
            handler_cancellation=answers.handler_cancellation,
        )
        self._refused = refused

    def __call__(self) -> Connection:
        """The connection of one more client."""
        return Connection(self, asyncio.get_running_loop(), self._refused)


class Runner(web.AppRunner):
    """Runs an application behind a `Server`."""

    def __init__(self, app: web.Application, refused: Refusal = lambda status, client: None, **options: Any) -> None:
        super().__init__(app, **options)
        self._refused = refused

    async def _make_server(self) -> web.Server:
        return Server(await self._answers(), self._refused)

    async def _answers(self) -> web.Server:
        return await super()._make_server()
