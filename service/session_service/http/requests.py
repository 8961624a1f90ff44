"""One request on its way: path values, query, body, caller, and the database that it means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel

from session_service.http.bodies import Bodies, Made, OneBody
from session_service.http.budget import Holding
from session_service.http.caller import Caller
from session_service.http.compression import Encoding, negotiated
from session_service.http.errors import ApiError
from session_service.http.json_body import ABSENT, Content, read_body
from session_service.http.parameters import CreateParameters, OwnerParameters, Problems, check, query_values
from session_service.http.selection import Stores
from session_service.observability.exchange import Exchange
from session_service.store.owned_sessions import OwnedSessions
from session_service.store.replica_first import SessionReader, reader
from session_service.store.session_store import SessionStore

Query = TypeVar("Query", bound=BaseModel)


class Given(Generic[Content]):
    """What a body says."""

    def __init__(self, body: OneBody) -> None:
        self._body = body

    async def made(self, make: Callable[[Content], Made]) -> Made:
        """What is made of it, once: of a long body beside the event loop, and then the body is gone."""
        return await self._body.make(make)


@dataclass(slots=True)
class Call:
    """A request that has been authenticated and routed."""

    request: web.BaseRequest
    caller: Caller
    values: dict[str, str]
    stores: Stores
    bodies: Bodies
    exchange: Exchange
    holding: Holding
    add_headers: Callable[[web.BaseRequest, Exchange, web.StreamResponse], None]
    compress_from: int | None

    async def begin(self, response: web.StreamResponse) -> None:
        """Send the headers of an answer whose body comes in pieces."""
        self.add_headers(self.request, self.exchange, response)
        await response.prepare(self.request)

    @property
    def db_id(self) -> str | None:
        """The id of its database, None until that is chosen."""
        return self.exchange.db_id

    def encoding(self, size: int) -> Encoding | None:
        """How a body of so many bytes, or one that begins with so many, is to be encoded for this client."""
        if self.compress_from is None or size < self.compress_from:
            return None
        self.exchange.varies = True
        return negotiated(self.request.headers.get("Accept-Encoding"))

    def checked_query(self, kind: type[Query]) -> Query | Problems:
        """The query as this model, or its problems; a caller that takes a body checks both before it refuses."""
        pairs = parse_qsl(self.request.rel_url.raw_query_string, keep_blank_values=True, errors="replace")
        return check(kind, "query", query_values(kind, pairs))

    def query(self, kind: type[Query]) -> Query:
        """The query as this model. Raises 422."""
        found = self.checked_query(kind)
        if isinstance(found, list):
            raise ApiError(422, found)
        return found

    @asynccontextmanager
    async def body(
        self, query: type[Query], into: type[Content], *, absent: Any = ABSENT, embedded: bool = False
    ) -> AsyncIterator[tuple[Query, Given[Content]]]:
        """Query and body as models, while the body is held; raises 422 with the problems of both.

        `absent` stands for a body that is not there. `embedded`: as FastAPI embeds a single field.
        """
        is_json = _is_json(self.request.headers.get("Content-Type"))
        async with self.bodies.body() as body:
            await body.read(self.request, into.most_bytes)
            given = await body.make(partial(read_body, is_json=is_json, into=into, absent=absent, embedded=embedded))
            found = self.checked_query(query)
            if isinstance(found, list) or isinstance(given, list):
                raise ApiError(422, [problem for each in (found, given) if isinstance(each, list) for problem in each])
            body.hold(given)
            del given
            yield found, Given(body)

    async def sessions(self, query: OwnerParameters) -> OwnedSessions:
        """The sessions that the request may read and change. Raises 400 or 404, and 403 without an identity."""
        store = await self._store(query.db_id, query.table)
        return store.on_behalf_of(self.caller.asks_for(query.user_id))

    async def reader(self, query: OwnerParameters) -> SessionReader:
        """The same for what only reads: the replica of the store is asked, if that has one."""
        store = await self._store(query.db_id, query.table)
        return reader(store, self.caller.asks_for(query.user_id))

    async def new_sessions(self, query: CreateParameters) -> OwnedSessions:
        """The sessions to which one is added."""
        store = await self._store(query.db_id, None)
        return store.on_behalf_of(self.caller.asks_for(None))

    async def _store(self, db_id: str | None, table: str | None) -> SessionStore:
        # noted before the database is asked for the table: an outage is told of the right one
        self.exchange.db_id = chosen = self.stores.chosen(db_id, table)
        return await self.stores.of(chosen, table)


@lru_cache(maxsize=64)
def _is_json(content_type: str | None) -> bool:
    message = Message()
    message["content-type"] = content_type or ""
    return message.get_content_maintype() == "application" and (
        message.get_content_subtype() == "json" or message.get_content_subtype().endswith("+json")
    )
