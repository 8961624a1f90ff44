"""The session routes: typed parameters in, one store call, a body of `sessions` out."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from aiohttp import web

from session_service.http.answers import answer, nothing
from session_service.http.errors import ApiError, not_found
from session_service.http.parameters import (
    BulkDeleteBody,
    CreateBody,
    CreateParameters,
    DeleteParameters,
    ListParameters,
    PatchBody,
    RenameBody,
    SessionParameters,
    SessionType,
    SortOrder,
)
from session_service.http.requests import Call
from session_service.http.sending import send_pieces
from session_service.sessions.chat_history import MESSAGE_PARTS, chat_history, chat_message
from session_service.sessions.detail import detail
from session_service.sessions.errors import InvalidContent
from session_service.sessions.json_text import member
from session_service.sessions.listing import list_body, list_meta, list_row
from session_service.sessions.names import session_name
from session_service.sessions.run_import import imported_runs
from session_service.sessions.stored_json import (
    checked_identifier,
    stored_json,
    stored_metadata,
    stored_session_data,
)
from session_service.sessions.summaries import stored_summary
from session_service.store.listing import SessionQuery
from session_service.store.owned_sessions import OwnedSessions, RunTaken
from session_service.store.owner import Only
from session_service.store.records import Message, StoredSession
from session_service.store.replica_first import SessionReader
from session_service.store.writing import NewSession, SessionChanges

_stored_name = member("session_name")

# stands for the chat history: no JSON has it
_HERE = b"\0"


async def list_sessions(call: Call) -> web.StreamResponse:
    """`GET /sessions`."""
    query = call.query(ListParameters)
    sessions = await call.reader(query)
    wanted = SessionQuery(
        session_type=query.type,
        component_id=query.component_id,
        session_name=query.session_name,
        limit=query.limit,
        page=query.page,
        sort_by=query.sort_by,
        descending=query.sort_order is SortOrder.desc,
    )
    page = await sessions.page(wanted, list_row)
    if page is not None:
        return answer(list_body(page, query.page, query.limit))

    async def rows() -> AsyncGenerator[bytes, None]:
        total = 0
        opening = b'{"data":['
        async with aclosing(sessions.long_page(wanted)) as items:
            async for item in items:
                total, session = item.row
                if session is not None:
                    yield opening
                    async for piece in item.spliced(list_row(session)):
                        yield piece
                    opening = b","
        yield (opening if opening != b"," else b"") + b'],"meta":' + list_meta(total, query.page, query.limit) + b"}"

    async with aclosing(rows()) as body:
        return await send_pieces(call, body)


async def read_session(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}`: with `type`, the session in that type's shape, whatever it is."""
    query = call.query(SessionParameters)
    sessions = await call.reader(query)
    session_id = call.values["session_id"]
    found = await sessions.session(session_id, query.type)
    if found is None:
        kind = f"{query.type.title()} Session" if query.type else "Session"
        raise ApiError(404, f"{kind} with id '{session_id}' not found")
    return await _detail(call, sessions, found, query.type, nulls=False)


async def _detail(
    call: Call, sessions: SessionReader, found: StoredSession, shown_as: str | None, *, nulls: bool, status: int = 200
) -> web.StreamResponse:
    shown_as = shown_as or found.record.session_type
    if found.whole:
        history = chat_history(found.chat, session_created_at=found.record.created_at)
        return answer(_shown(found, shown_as, history, nulls=nulls), status)
    async with aclosing(_long_detail(sessions, found.record.session_id, shown_as, nulls=nulls)) as body:
        return await send_pieces(call, body, status)


def _shown(found: StoredSession, shown_as: str, history: bytes, *, nulls: bool) -> bytes:
    name = session_name(_stored_name(found.record.session_data), shown_as, found.name_source, parsed=True)
    return detail(found.record, shown_as, name, history, nulls=nulls)


async def _long_detail(
    sessions: SessionReader, session_id: str, shown_as: str, *, nulls: bool
) -> AsyncGenerator[bytes, None]:
    """The same in pieces, of what is stored now: a change of our own is in it, and one that came after it may be."""
    async with aclosing(sessions.long_session(session_id, shown_as, MESSAGE_PARTS)) as items:
        first = await anext(items, None)
        if first is None or not isinstance(found := first.row, StoredSession):
            raise not_found(session_id)
        before, _, after = _shown(found, shown_as, _HERE, nulls=nulls).partition(_HERE)
        async for piece in first.spliced(before):
            yield piece
        if shown_as != "workflow":
            opening = b"["
            async for item in items:
                if isinstance(item.row, Message):
                    message = chat_message(item.row, session_created_at=found.record.created_at)
                    if message is not None:
                        yield opening
                        async for piece in item.spliced(message):
                            yield piece
                        opening = b","
            yield b"[]" if opening == b"[" else b"]"
        yield after


async def create_session(call: Call) -> web.StreamResponse:
    """`POST /sessions`: 409 where the id is taken, whoever asks first."""
    async with call.body(CreateParameters, CreateBody, absent={}) as (query, given):
        sessions = await call.new_sessions(query)
        new = await given.made(partial(_new_session, call, query.type))
        try:
            created = await sessions.create(new)
        except RunTaken:
            raise ApiError(
                409, "A run of this session has the id of a run that exists. Give it another run_id."
            ) from None
        session_id, imported = new.session_id, new.runs is not None
        del new
    if created is None:
        raise await _taken(sessions, session_id)
    found = await sessions.session(session_id) if imported else None
    return await _detail(call, sessions, found or created, query.type, nulls=False, status=201)


def _new_session(call: Call, kind: SessionType, body: CreateBody) -> NewSession:
    session_id = checked_identifier("session_id", body.session_id) or str(uuid.uuid4())
    call.exchange.sessions.append(session_id)
    component = {"agent": body.agent_id, "team": body.team_id, "workflow": body.workflow_id}[kind]
    return NewSession(
        session_id=session_id,
        session_type=kind,
        component_id=checked_identifier(f"{kind}_id", component),
        user_id=checked_identifier("user_id", call.caller.owner_of_new(body.user_id)),
        session_data=stored_session_data(body.session_name, body.session_state),
        metadata=None if body.metadata is None else stored_metadata(body.metadata),
        now=int(time.time()),
        summary=None if body.summary is None else stored_summary(body.summary),
        runs=None if body.runs is None else imported_runs(body.runs),
    )


async def _taken(sessions: OwnedSessions, session_id: str) -> ApiError:
    if isinstance(sessions.owner, Only) and not await sessions.exists(session_id):
        return ApiError(
            409,
            "Could not create a session with the supplied session_id. "
            "Omit session_id to have one generated, or choose a different one.",
        )
    return ApiError(
        409, f"Session with id '{session_id}' already exists. Use PATCH /sessions/{session_id} to update it."
    )


async def rename_session(call: Call) -> web.StreamResponse:
    """`POST /sessions/{session_id}/rename`. Here `type` filters."""
    async with call.body(SessionParameters, RenameBody, embedded=True) as (query, given):
        session_id = call.values["session_id"]
        sessions = await call.sessions(query)
        name = await given.made(lambda body: stored_json("session_name", body.session_name))
        renamed = await sessions.rename(session_id, query.type, name)
    if renamed is None:
        raise not_found(session_id)
    return await _detail(call, sessions, renamed, None, nulls=True)


async def patch_session(call: Call) -> web.StreamResponse:
    """`PATCH /sessions/{session_id}`: sets the given keys and nothing else. Seen as a workflow, it has no summary."""
    async with call.body(SessionParameters, PatchBody) as (query, given):
        session_id = call.values["session_id"]
        sessions = await call.sessions(query)
        try:
            changes = await given.made(partial(_changes, query.type))
        except InvalidContent:
            if not await sessions.exists(session_id):  # AgentOS looks for the session first
                raise not_found(session_id) from None
            raise
        patched = await sessions.patch(session_id, changes)
        del changes
    if patched is None:
        raise not_found(session_id)
    return await _detail(call, sessions, patched, None, nulls=True)


def _changes(seen_as: SessionType | None, body: PatchBody) -> SessionChanges:
    summary = None if body.summary is None else stored_summary(body.summary)
    return SessionChanges(
        now=int(time.time()),
        session_data=stored_session_data(body.session_name, body.session_state),
        metadata=None if body.metadata is None else stored_metadata(body.metadata) or "null",
        summary=None if seen_as is SessionType.workflow else summary,
    )


async def delete_session(call: Call) -> web.Response:
    """`DELETE /sessions/{session_id}`: 204, also where nothing matched."""
    query = call.query(DeleteParameters)
    sessions = await call.sessions(query)
    _refuse_media(query)
    await sessions.delete([call.values["session_id"]])
    return nothing()


async def delete_sessions(call: Call) -> web.Response:
    """`DELETE /sessions`: 204; ids that don't match are passed over."""
    async with call.body(DeleteParameters, BulkDeleteBody) as (query, given):
        body = await given.made(lambda body: body)
        if len(body.session_ids) != len(body.session_types):
            raise ApiError(400, "Session IDs and session types must have the same length")
        call.exchange.sessions.extend(body.session_ids)
        sessions = await call.sessions(query)
        _refuse_media(query)
        await sessions.delete(body.session_ids, orphans=True)
    return nothing()


def _refuse_media(query: DeleteParameters) -> None:
    if query.delete_media:
        raise ApiError(503, "Media storage is not configured on AgentOS")
