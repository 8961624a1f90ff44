"""The way of every request: cross-origin, authentication, scopes, routing, handler, and errors into answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from session_service.database.errors import DatabaseError
from session_service.http.answers import failure
from session_service.http.auth import Authenticator
from session_service.http.bodies import Bodies, refuse_encoded
from session_service.http.budget import Budget, Holding, NoRoom
from session_service.http.caller import NOBODY, Caller
from session_service.http.cors import is_preflight, preflight, response_headers
from session_service.http.deadline import Deadline, Expired
from session_service.http.errors import ApiError, after_change, database_failure, no_room
from session_service.http.observer import CLIENT_CLOSED_REQUEST, Observer
from session_service.http.requests import Call
from session_service.http.routing import Router, decoded
from session_service.http.scopes import require_scope
from session_service.http.selection import Stores
from session_service.http.sending import send
from session_service.observability.exchange import Exchange
from session_service.observability.metrics import OVERLOADED, PREFLIGHT
from session_service.sessions.errors import InvalidContent
from session_service.store.store_map import LiveStores, StoreMap

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

log = logging.getLogger("session_service.http")


@dataclass(frozen=True, slots=True)
class Front:
    """Answers every request. It does not use aiohttp's router, which decodes and redirects differently from AgentOS."""

    router: Router[Handler]
    authenticator: Authenticator
    live: LiveStores
    require_db_id: bool
    cors_origins: frozenset[str]
    deadline: Deadline
    observer: Observer
    compress_from: int | None
    bodies: Bodies
    budget: Budget
    draining: Callable[[], bool]

    def request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        """A request out of what aiohttp has read of it."""
        loop = task.get_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self.bodies.largest)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request; an exception never leaves here but for a broken stream."""
        exchange = self.observer.begin(request)
        holding = exchange.holding = self.budget.holding(exchange)
        status, size = CLIENT_CLOSED_REQUEST, 0
        try:
            response = await self._respond(request, exchange, holding)
            if not response.prepared:
                self.add_headers(request, exchange, response)
            status, size = response.status, _size(response)
        finally:
            holding.end()
            self.observer.end(exchange, status, size)
        return response

    async def _respond(self, request: web.BaseRequest, exchange: Exchange, holding: Holding) -> web.StreamResponse:
        if is_preflight(request.method, request.headers):
            exchange.route = PREFLIGHT
            status, headers, text = preflight(request.headers, self.cors_origins)
            return web.Response(status=status, headers=headers, text=text)
        with self.live.use() as stores:
            nothing = self._reached(NOBODY, stores)
            call = Call(
                request, NOBODY, {}, nothing, self.bodies, exchange, holding, self.add_headers, self.compress_from
            )
            return await send(call, await self._answer(call, stores))

    def _reached(self, caller: Caller, stores: StoreMap) -> Stores:
        return Stores(caller, stores, require_id=self.require_db_id)

    async def _answer(self, call: Call, stores: StoreMap) -> web.StreamResponse:
        exchange = call.exchange
        try:
            return await self._handle(call, stores)
        except ApiError as error:
            refusal = error
        except InvalidContent as error:
            problem = {"type": "value_error", "loc": ["body", error.field], "msg": error.reason, "input": None}
            refusal = ApiError(422, [problem])
        except NoRoom:
            refusal = no_room()
        except DatabaseError as error:
            log.warning("database %s: %s (%s)", call.db_id, error, error.reason)
            if error.reason == "PoolQueueFull":
                self.observer.metrics.refused(OVERLOADED)
            refusal = database_failure(error, call.db_id or "")
        except web.HTTPException as error:
            refusal = ApiError(error.status, error.reason)
        except Exception:
            log.exception("%s %s failed", exchange.method, exchange.route)
            refusal = ApiError(500, "Internal server error")
        return failure(after_change(refusal) if exchange.written else refusal)

    async def _handle(self, call: Call, stores: StoreMap) -> web.StreamResponse:
        request, exchange = call.request, call.exchange
        path = decoded(request.raw_path)
        try:
            call.caller = await self.authenticator.authenticate(request.method, path, request.headers, exchange.client)
            call.stores = self._reached(call.caller, stores)
            exchange.user_id = call.caller.user_id
            require_scope(call.caller, request.method, path)
        except ApiError:
            # also a refusal is counted by the route that it was meant for
            try:
                exchange.route = self.router.match(request.method, path).template
            except ApiError:
                # where it asks nobody for a credential, AgentOS looks at the token of an account in its routes alone
                if self.authenticator.credential is None:
                    raise
            raise
        finally:
            exchange.authenticating = perf_counter() - exchange.began
        match = self.router.match(request.method, path)
        exchange.route, call.values = match.template, match.values
        if "session_id" in match.values:
            exchange.sessions.append(match.values["session_id"])
        refuse_encoded(request)
        return await self._in_time(match.handler(call))

    async def _in_time(self, answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """The answer, or 504 at the deadline: what is cancelled here is cancelled on the database server, too."""
        try:
            return await self.deadline.keep(answering)
        except Expired:
            raise ApiError(504, f"The request took longer than {self.deadline.seconds:g} seconds") from None

    def add_headers(self, request: web.BaseRequest, exchange: Exchange, response: web.StreamResponse) -> None:
        """What every answer carries of its exchange, and ordinary ones for browsers: a preflight has its own."""
        headers = response.headers
        headers.update(self.observer.headers(exchange))
        if self.draining():
            # whoever asks next, or a load balancer that keeps connections, asks another process
            response.force_close()
            headers["Connection"] = "close"
        if exchange.route is PREFLIGHT:
            return
        varies = ["Origin", *headers.getall("Vary", ()), *(["Accept-Encoding"] if exchange.varies else [])]
        headers.update(response_headers(request.headers.get("Origin"), self.cors_origins))
        headers["Vary"] = ", ".join(varies)


def _size(response: web.StreamResponse) -> int:
    body = getattr(response, "body", None)
    return len(body) if isinstance(body, bytes) else response.body_length
