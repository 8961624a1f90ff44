"""The way of every request: cross-origin, authentication, scopes, routing, handler, and errors into answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from session_service.database.errors import DatabaseError
from session_service.http.answers import failure
from session_service.http.auth import Authenticator
from session_service.http.caller import Caller
from session_service.http.cors import is_preflight, preflight, response_headers
from session_service.http.errors import ApiError, database_failure
from session_service.http.requests import Call
from session_service.http.routing import Router, decoded
from session_service.http.scopes import require_scope
from session_service.http.selection import Stores
from session_service.sessions.errors import InvalidContent
from session_service.store.store_map import LiveStores

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

log = logging.getLogger("session_service.access")


@dataclass(frozen=True, slots=True)
class Front:
    """Answers every request. aiohttp's own router is not used: it decodes and redirects otherwise than AgentOS."""

    router: Router[Handler]
    authenticator: Authenticator
    live: LiveStores
    require_db_id: bool
    cors_origins: frozenset[str]
    request_timeout: float | None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request; an exception never leaves here but for a broken stream."""
        if is_preflight(request.method, request.headers):
            status, headers, text = preflight(request.headers, self.cors_origins)
            return web.Response(status=status, headers=headers, text=text)
        path = decoded(request.raw_path)
        with self.live.use() as stores:
            call = Call(request, Caller(), {}, Stores(stores.by_id, stores.default, self.require_db_id))
            return await self._respond(call, path)

    async def _respond(self, call: Call, path: str) -> web.StreamResponse:
        request = call.request
        began = time.perf_counter()
        template = "-"
        try:
            call.caller = self.authenticator.authenticate(request.method, path, request.headers)
            require_scope(call.caller, request.method, path)
            match = self.router.match(request.method, path)
            template, call.values = match.template, match.values
            response = await self._in_time(match.handler(call))
        except ApiError as error:
            response = failure(error)
        except InvalidContent as error:
            problem = {"type": "value_error", "loc": ["body", error.field], "msg": error.reason, "input": None}
            response = failure(ApiError(422, [problem]))
        except DatabaseError as error:
            log.warning("database %s: %s (%s)", call.db_id, error, error.reason)
            response = failure(database_failure(error, call.db_id or call.stores.default))
        except web.HTTPException as error:
            response = failure(ApiError(error.status, error.reason))
        except Exception:
            log.exception("%s %s failed", request.method, template)
            response = failure(ApiError(500, "Internal server error"))
        milliseconds = (time.perf_counter() - began) * 1000
        # a pod is probed every few seconds
        level = logging.DEBUG if template.startswith("/health") else logging.INFO
        words = (request.method, template, response.status, milliseconds, call.db_id or "-")
        log.log(level, "%s %s %s %.1f ms db=%s", *words)
        return response

    async def _in_time(self, answering: Awaitable[web.StreamResponse]) -> web.StreamResponse:
        """The answer, or 504 at the deadline: what is cancelled here is cancelled on the database server, too."""
        try:
            async with asyncio.timeout(self.request_timeout) as deadline:
                return await answering
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ApiError(504, f"The request took longer than {self.request_timeout:g} seconds") from None

    async def add_headers(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """What every ordinary answer carries for browsers; a preflight has its own."""
        if not is_preflight(request.method, request.headers):
            response.headers.update(response_headers(request.headers.get("Origin"), self.cors_origins))
