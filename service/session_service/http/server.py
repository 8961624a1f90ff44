"""What listens: so many connections at a time, and each client gets a `Connection`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from session_service.http.connection import Connection

# enough for what probes and scrapes the admin port
MOST_CONNECTIONS = 64
MOST_HEADER_BYTES = 64 * 1024

_BACKLOG = 128
# after an accept that failed, for want of file descriptors mostly
_PAUSE_SECONDS = 0.5
# while all connections are busy
_LOOK_SECONDS = 0.05

log = logging.getLogger("session_service.http")


def _untold(*_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a port takes, and who is told of what it does not.

    refused: told the status of each request that never was one, and the address that it came from. displaced: told of
    each connection without a request that made room. paused: told when there was none to make room.
    """

    most_connections: int = MOST_CONNECTIONS
    most_header_bytes: int = MOST_HEADER_BYTES
    refused: Callable[[int, str | None], None] = _untold
    displaced: Callable[[], None] = _untold
    paused: Callable[[], None] = _untold


class Server(web.Server):
    """Makes a `Connection` of each client."""

    def __init__(self, answers: web.Server, rules: Rules) -> None:
        super().__init__(
            answers.request_handler,
            request_factory=answers.request_factory,
            handler_cancellation=answers.handler_cancellation,
        )
        self._rules = rules
        self._arriving: set[asyncio.Task[object]] = set()
        self._left = asyncio.Event()

    def __call__(self) -> Connection:
        """The connection of one more client."""
        return Connection(self, asyncio.get_running_loop(), self._rules.most_header_bytes, self._rules.refused)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._connections) + len(self._arriving)

    def connect(self, client: socket.socket) -> None:
        """Serve a client that has been accepted."""
        arriving = asyncio.ensure_future(asyncio.get_running_loop().connect_accepted_socket(self, client))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arriving.discard)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection, once the task that answers it has ended."""
        super().connection_lost(handler, exc)
        if handler._task_handler is None:
            self._left.set()
        else:
            handler._task_handler.add_done_callback(lambda _: self._left.set())

    async def room(self) -> None:
        """Wait until one more may connect. What has been without a request the longest makes room."""
        paused = False
        while self.open >= self._rules.most_connections:
            self._left.clear()
            waiting = [each for each in self._connections if isinstance(each, Connection) and each.waits]
            if waiting:
                min(waiting, key=Connection.waits_since).force_close()
                self._rules.displaced()
            elif not paused:
                paused = True
                self._rules.paused()
            # nobody tells that a request has ended and its connection waits for another
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._left.wait()


class Runner(web.AppRunner):
    """Runs an application behind a `Server`."""

    def __init__(self, app: web.Application, rules: Rules, **options: Any) -> None:
        super().__init__(app, **options)
        self._rules = rules

    async def _make_server(self) -> web.Server:
        return Server(await self._answers(), self._rules)

    async def _answers(self) -> web.Server:
        return await super()._make_server()


class Site(web.BaseSite):
    """Listens, as long as its server has room. A `shared` port may be listened on by other processes too."""

    def __init__(self, runner: Runner, host: str, port: int, *, shared: bool = False) -> None:
        super().__init__(runner)
        self._host, self._port, self._shared = host, port, shared

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Begin to listen. Raises OSError."""
        await super().start()
        server = cast("Server", self._runner.server)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        accepting = _Accepting(server)
        self._server = cast("asyncio.AbstractServer", accepting)
        try:
            for family, _, _, _, address in sorted(set(found)):
                accepting.listen(family, address, shared=self._shared)
        except OSError:
            accepting.close()
            raise


class _Accepting:
    """Takes clients one by one: asyncio's own server can't pause."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tasks: dict[socket.socket, asyncio.Task[None]] = {}

    @property
    def sockets(self) -> list[socket.socket]:
        return list(self._tasks)

    def listen(self, family: int, address: Any, *, shared: bool) -> None:
        listening = socket.create_server(address, family=family, backlog=_BACKLOG, reuse_port=shared)
        listening.setblocking(False)
        self._tasks[listening] = asyncio.create_task(self._accept(listening))

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listening)
            except ConnectionAbortedError:
                continue
            except OSError as error:
                log.warning("can't accept connections: %s", error.strerror)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            client.setblocking(False)
            try:
                await self._server.room()
            except asyncio.CancelledError:
                client.close()
                raise
            self._server.connect(client)

    def close(self) -> None:
        for listening, task in self._tasks.items():
            task.cancel()
            listening.close()
        self._tasks = {}
