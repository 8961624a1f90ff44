"""The routes of a session's runs: a bare list, previews, and one run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing

from aiohttp import web

from session_service.http.answers import answer
from session_service.http.errors import ApiError
from session_service.http.parameters import STATUSES, RunsParameters, SessionParameters
from session_service.http.requests import Call
from session_service.http.sending import send_pieces
from session_service.sessions.json_text import write_list
from session_service.sessions.previews import PREVIEWED, run_preview
from session_service.sessions.runs import Run, run_parts
from session_service.sessions.sdk import agent_sdk
from session_service.store.long_runs import WantedRuns
from session_service.store.records import SessionOfRuns

Shape = Callable[[Run, SessionOfRuns, str], bytes | None]


async def list_runs(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}/runs`."""
    return await _list(call, lambda run, session, listed_as: run.body(session, listed_as, nulls=False))


async def list_previews(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}/run-previews`."""
    return await _list(call, run_preview, PREVIEWED)


async def _list(call: Call, shape: Shape, shown: Collection[str] | None = None) -> web.StreamResponse:
    """A list of runs; of a long run only these fields are `shown`, None for all, and only their beginnings."""
    query = call.query(RunsParameters)
    statuses = _statuses(query.status)
    sessions = await call.reader(query)
    session_id = call.values["session_id"]
    first = await sessions.first_runs(session_id)
    if first is None:
        raise ApiError(404, f"Session with ID {session_id} not found")
    session = first.session
    listed_as = query.type or session.session_type

    def body_of(text: bytes) -> bytes | None:
        run = Run(text)
        if run.matches(created_after=query.created_after, created_before=query.created_before, statuses=statuses):
            return shape(run, session, listed_as)
        return None

    if first.whole:
        return answer(write_list(body for text in first.runs if (body := body_of(text)) is not None))
    wanted = _wanted(session, listed_as, shown)

    async def pieces() -> AsyncGenerator[bytes, None]:
        opening = b"["
        # all of it is read again: what is read in two statements may have changed between them
        async with aclosing(sessions.long_runs(session_id, wanted)) as items:
            async for item in items:
                body = body_of(item.row)
                if body is not None:
                    yield opening
                    async for piece in item.spliced(body):
                        yield piece
                    opening = b","
        yield b"[]" if opening == b"[" else b"]"

    async with aclosing(pieces()) as whole:
        return await send_pieces(call, whole)


def _wanted(
    session: SessionOfRuns, listed_as: str | None, shown: Collection[str] | None = None, run_id: str | None = None
) -> WantedRuns:
    has_sdk = agent_sdk(session.agent_data) is not None
    return WantedRuns(run_parts(listed_as, shown), run_id, beginnings=shown is not None, sdk=has_sdk)


def _statuses(given: list[str] | None) -> frozenset[str]:
    statuses = frozenset(status.upper() for status in given or ())
    if unknown := sorted(statuses.difference(STATUSES)):
        raise ApiError(400, f"Invalid status value(s) {unknown}; expected one of {list(STATUSES)}")
    return statuses


async def read_run(call: Call) -> web.StreamResponse:
    """`GET /sessions/{session_id}/runs/{run_id}`, nulls printed. `type` is checked and has no effect."""
    query = call.query(SessionParameters)
    sessions = await call.reader(query)
    session_id, run_id = call.values["session_id"], call.values["run_id"]
    found = await sessions.run(session_id, run_id)
    if found is None:
        raise ApiError(404, f"Session with ID {session_id} not found")
    if not found.any:
        raise ApiError(404, f"Session with ID {session_id} has no runs")
    if found.whole:
        return answer(_run(found.run, found.session, call))

    async def pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(sessions.long_runs(session_id, _wanted(found.session, None, run_id=run_id))) as items:
            item = await anext(items, None)
            body = _run(None if item is None else item.row, found.session, call)
            if item is not None:
                async for piece in item.spliced(body):
                    yield piece

    async with aclosing(pieces()) as whole:
        return await send_pieces(call, whole)


def _run(text: bytes | None, session: SessionOfRuns, call: Call) -> bytes:
    body = None if text is None else Run(text).body(session, None, nulls=True)
    if body is None:
        session_id, run_id = call.values["session_id"], call.values["run_id"]
        raise ApiError(404, f"Run with ID {run_id} not found in session {session_id}")
    return body
