"""The list of sessions: one row a session, in pages."""

from __future__ import annotations

from session_service.store.records import ListedSession, SessionPage

from .json_text import an_object, integer, read_object, write_list, write_object, write_string
from .names import session_name
from .sdk import sdk_of, with_sdk
from .timestamps import from_unix


def list_body(page: SessionPage, page_number: int, limit: int) -> bytes:
    """The page with its totals. `page_number` counts from 1; past the last page the data is empty, the totals stay."""
    meta = {
        "page": page_number,
        "limit": limit,
        "total_pages": -(-page.total // limit),
        "total_count": page.total,
    }
    numbers = [(name, b"%d" % value) for name, value in meta.items()]
    return write_object(
        [
            ("data", write_list(list_row(row) for row in page.rows)),
            ("meta", write_object([*numbers, ("search_time_ms", b"0.0")])),
        ]
    )


def list_row(session: ListedSession) -> bytes:
    """One session, without nulls; a stored value that its field can't show is left out."""
    session_type = _shown_type(session)
    name = session_name(session.name, session_type, session.name_source, parsed=False)
    sdk = sdk_of(session.sdk, session.framework) if session_type == "agent" else None
    metrics = an_object(session.metrics)
    return write_object(
        [
            ("session_id", write_string(session.session_id)),
            ("session_name", write_string(name)),
            ("session_state", an_object(session.state)),
            ("created_at", from_unix(session.created_at)),
            ("updated_at", from_unix(session.updated_at)),
            ("session_type", write_string(session_type)),
            ("user_id", write_string(session.user_id)),
            ("agent_id", write_string(session.agent_id)),
            ("team_id", write_string(session.team_id)),
            ("workflow_id", write_string(session.workflow_id)),
            ("session_summary", an_object(session.summary)),
            ("metrics", metrics),
            ("total_tokens", integer(read_object(metrics).get("total_tokens"))),
            ("metadata", with_sdk(session.metadata, sdk)),
        ]
    )


def _shown_type(session: ListedSession) -> str:
    if session.session_type:
        return session.session_type
    if session.agent_id:
        return "agent"
    if session.team_id:
        return "team"
    return "workflow" if session.workflow_id else "agent"
