"""The routes of a session's runs: a bare list, previews, and one run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiohttp import web

from session_service.http.answers import answer
from session_service.http.errors import ApiError
from session_service.http.parameters import STATUSES, RunsParameters, SessionParameters
from session_service.http.requests import Call
from session_service.http.sending import send_pieces
from session_service.sessions.json_text import write_list
from session_service.sessions.previews import run_preview
from session_service.sessions.runs import Run
from session_service.store.records import SessionRecord

Shape = Callable[[Run, SessionRecord, str], bytes | None]


async def list_runs(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}/runs`."""
    return await _list(call, lambda run, session, listed_as: run.body(session, listed_as, nulls=False))


async def list_previews(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}/run-previews`."""
    return await _list(call, run_preview)


async def _list(call: Call, shape: Shape) -> web.StreamResponse:
    query = call.query(RunsParameters)
    statuses = _statuses(query.status)
    sessions = await call.reader(query)
    session_id = call.values["session_id"]
    first = await sessions.first_runs(session_id)
    if first is None:
        raise ApiError(404, f"Session with ID {session_id} not found")
    session = first.record
    listed_as = query.type or session.session_type

    def shown(text: bytes) -> bytes | None:
        run = Run(text)
        if run.matches(created_after=query.created_after, created_before=query.created_before, statuses=statuses):
            return shape(run, session, listed_as)
        return None

    if first.all:
        return answer(write_list(body for text in first.runs if (body := shown(text)) is not None))

    async def pieces() -> AsyncGenerator[bytes, None]:
        opening = b"["
        # read anew as a whole: what is read in two statements may have changed between them
        async with aclosing(sessions.runs(session_id)) as runs:
            async for text in runs:
                body = shown(text)
                if body is not None:
                    yield opening + body
                    opening = b","
        yield b"[]" if opening == b"[" else b"]"

    async with aclosing(pieces()) as whole:
        return await send_pieces(call, whole)


def _statuses(given: list[str] | None) -> frozenset[str]:
    statuses = frozenset(status.upper() for status in given or ())
    if unknown := sorted(statuses.difference(STATUSES)):
        raise ApiError(400, f"Invalid status value(s) {unknown}; expected one of {list(STATUSES)}")
    return statuses


async def read_run(call: Call) -> web.Response:
    """`GET /sessions/{session_id}/runs/{run_id}`, nulls printed. `type` is checked and has no effect."""
    query = call.query(SessionParameters)
    sessions = await call.reader(query)
    session_id, run_id = call.values["session_id"], call.values["run_id"]
    found = await sessions.run(session_id, run_id)
    if found is None:
        raise ApiError(404, f"Session with ID {session_id} not found")
    if not found.any:
        raise ApiError(404, f"Session with ID {session_id} has no runs")
    body = None if found.run is None else Run(found.run).body(found.record, None, nulls=True)
    if body is None:
        raise ApiError(404, f"Run with ID {run_id} not found in session {session_id}")
    return answer(body)
