"""One request on its way: path values, query, body, caller, and the database that it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel

from session_service.http.bodies import body_of
from session_service.http.budget import Holding
from session_service.http.caller import Caller
from session_service.http.compression import Encoding, negotiated
from session_service.http.errors import ApiError
from session_service.http.parameters import CreateParameters, OwnerParameters, Problems, check, query_values
from session_service.http.selection import Stores
from session_service.observability.exchange import Exchange
from session_service.store.owned_sessions import OwnedSessions
from session_service.store.replica_first import SessionReader, reader
from session_service.store.session_store import SessionStore

Query = TypeVar("Query", bound=BaseModel)
Body = TypeVar("Body", bound=BaseModel)

ABSENT = object()


@dataclass(slots=True)
class Call:
    """A request that has been authenticated and routed."""

    request: web.BaseRequest
    caller: Caller
    values: dict[str, str]
    stores: Stores
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

    async def query_and_body(
        self, query: type[Query], body: type[Body], *, absent: Any = ABSENT, embedded: bool = False
    ) -> tuple[Query, Body]:
        """Both as models; raises 422 with the problems of both.

        `absent` stands for a body that is not there. With `embedded`, as FastAPI embeds a single field, anything that
        is not an object counts as an empty one, and a missing field names no input.
        """
        value = await self._body()
        if embedded and not isinstance(value, dict):
            value = {}
        value = absent if value is ABSENT else value
        found = self.checked_query(query)
        missing = {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}
        content = [missing] if value is ABSENT else check(body, "body", value)
        if isinstance(found, list) or isinstance(content, list):
            problems = [problem for each in (found, content) if isinstance(each, list) for problem in each]
            if embedded:
                problems = [problem | ({"input": None} if problem["type"] == "missing" else {}) for problem in problems]
            raise ApiError(422, problems)
        return found, content

    async def _body(self) -> Any:
        content = await body_of(self.request)
        if not content:
            return ABSENT
        if not _is_json(self.request.headers.get("Content-Type")):
            return content.decode(errors="replace")
        try:
            return json.loads(content)
        except json.JSONDecodeError as error:
            problem = {"type": "json_invalid", "loc": ["body", error.pos], "msg": "JSON decode error", "input": {}}
            raise ApiError(422, [problem | {"ctx": {"error": error.msg}}]) from None
        except (UnicodeDecodeError, RecursionError):
            raise ApiError(400, "There was an error parsing the body") from None

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
