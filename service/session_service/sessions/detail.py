"""One session in full, in the form of an agent's, a team's or a workflow's."""

from __future__ import annotations

from session_service.store.records import SessionRecord

from .json_text import an_object, integer, member, read_object, write_object, write_string
from .sdk import agent_sdk, with_sdk
from .summaries import shown_summary
from .timestamps import from_unix

Fields = dict[str, bytes | None]

_total_tokens = member("total_tokens")

_AGENT: tuple[str, ...] = (
    *("user_id", "agent_session_id", "session_id", "session_name", "session_summary", "session_state", "agent_id"),
    *("total_tokens", "agent_data", "metrics", "metadata", "chat_history", "created_at", "updated_at"),
)
_TEAM: tuple[str, ...] = (
    *("session_id", "session_name", "user_id", "team_id", "session_summary", "session_state", "metrics", "team_data"),
    *("metadata", "chat_history", "created_at", "updated_at", "total_tokens"),
)
_WORKFLOW: tuple[str, ...] = (
    *("user_id", "workflow_id", "workflow_name", "session_id", "session_name", "session_data", "session_state"),
    *("workflow_data", "metadata", "created_at", "updated_at"),
)


def detail(record: SessionRecord, shown_as: str, name: str, chat_history: bytes, *, nulls: bool) -> bytes:
    """The session in the form of the type `shown_as`, which may differ from its own; an unknown type is shown as agent.

    A workflow has no chat history. With `nulls` every field of the form is printed.
    """
    if shown_as == "workflow":
        names, fields = _WORKFLOW, _workflow(record)
    else:
        names = _TEAM if shown_as == "team" else _AGENT
        fields = _conversation(record, shown_as, chat_history)
    fields["session_name"] = write_string(name)
    return write_object([(field, fields.get(field)) for field in names], nulls=nulls)


def total_tokens(metrics: bytes | None) -> bytes | None:
    """The total tokens in the metrics of a session; None if that is not an integer."""
    return integer(_total_tokens(metrics))


def _common(record: SessionRecord, data: dict[str, bytes]) -> Fields:
    return {
        "session_id": write_string(record.session_id),
        "user_id": write_string(record.user_id),
        "session_state": an_object(data.get("session_state")),
        "created_at": from_unix(record.created_at or None),
        "updated_at": from_unix(record.updated_at or record.created_at or None),
    }


def _conversation(record: SessionRecord, shown_as: str, chat_history: bytes) -> Fields:
    data = read_object(record.session_data)
    metrics = an_object(data.get("session_metrics")) or (b"{}" if data else None)
    sdk = None if shown_as == "team" else agent_sdk(record.agent_data)
    return _common(record, data) | {
        "agent_session_id": write_string(record.session_id),
        "agent_id": write_string(record.agent_id or None),
        "team_id": write_string(record.team_id),
        "session_summary": shown_summary(record.summary),
        "metrics": metrics,
        "total_tokens": total_tokens(metrics),
        "agent_data": an_object(record.agent_data),
        "team_data": an_object(record.team_data),
        "metadata": with_sdk(record.metadata, sdk),
        "chat_history": chat_history,
    }


def _workflow(record: SessionRecord) -> Fields:
    return _common(record, read_object(record.session_data)) | {
        "workflow_id": write_string(record.workflow_id),
        "session_data": an_object(record.session_data) or b"{}",
        "workflow_data": an_object(record.workflow_data) or b"{}",
        "metadata": an_object(record.metadata) or b"{}",
    }
