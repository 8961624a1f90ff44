"""The list of sessions: one row per session, in pages."""

from __future__ import annotations

from msgspec import Raw, Struct

from session_service.store.records import ListedSession, SessionPage

from .detail import total_tokens
from .json_text import an_object, encode, write_list
from .names import session_name
from .sdk import sdk_of, with_sdk
from .timestamps import from_unix


class _Row(Struct, omit_defaults=True, gc=False):
    """One session, without nulls."""

    session_id: str
    session_name: str
    session_state: Raw | None = None
    created_at: Raw | None = None
    updated_at: Raw | None = None
    session_type: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    session_summary: Raw | None = None
    metrics: Raw | None = None
    total_tokens: Raw | None = None
    metadata: Raw | None = None


class _Meta(Struct):
    page: int
    limit: int
    total_pages: int
    total_count: int
    search_time_ms: float = 0.0


def list_body(page: SessionPage[bytes], page_number: int, limit: int) -> bytes:
    """The page with its totals; `list_row` makes its rows.

    `page_number` counts from 1; past the last page the data is empty and the totals stay.
    """
    return b'{"data":%b,"meta":%b}' % (write_list(page.rows), list_meta(page.total, page_number, limit))


def list_meta(total: int, page_number: int, limit: int) -> bytes:
    """The totals of a page."""
    return encode(_Meta(page_number, limit, -(-total // limit), total))


def list_row(session: ListedSession) -> bytes:
    """The row of a session; it leaves out a stored value that its field can't show."""
    session_type = _shown_type(session)
    sdk = sdk_of(session.sdk, session.framework) if session_type == "agent" else None
    metrics = an_object(session.metrics)
    return encode(
        _Row(
            session_id=session.session_id,
            session_name=session_name(session.name, session_type, session.name_source, parsed=False),
            session_state=_raw(an_object(session.state)),
            created_at=_raw(from_unix(session.created_at)),
            updated_at=_raw(from_unix(session.updated_at)),
            session_type=session_type,
            user_id=session.user_id,
            agent_id=session.agent_id,
            team_id=session.team_id,
            workflow_id=session.workflow_id,
            session_summary=_raw(an_object(session.summary)),
            metrics=_raw(metrics),
            total_tokens=_raw(total_tokens(metrics)),
            metadata=_raw(with_sdk(session.metadata, sdk)),
        )
    )


def _raw(text: bytes | None) -> Raw | None:
    return None if text is None else Raw(text)


def _shown_type(session: ListedSession) -> str:
    if session.session_type:
        return session.session_type
    if session.agent_id:
        return "agent"
    if session.team_id:
        return "team"
    return "workflow" if session.workflow_id else "agent"
