"""The three forms that a run is shown in: their fields in order, what each may hold, what stands for an absent one."""

from __future__ import annotations

from dataclasses import dataclass

from .json_text import Kind, an_object, anything, integer, objects, some_objects, string, strings

_NO_TEXT = b'""'
_NO_LIST = b"[]"
_NO_OBJECT = b"{}"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a run. Without a kind it is derived, not stored; `absent` is shown where the run has no such key."""

    name: str
    kind: Kind | None
    absent: bytes | None = None


def _derived(*names: str) -> list[Field]:
    return [Field(name, None) for name in names]


def _stored(kind: Kind, *names: str, absent: bytes | None = None) -> list[Field]:
    return [Field(name, kind, absent) for name in names]


_PRODUCED = _stored(objects, "images", "videos", "audio", "files", absent=_NO_LIST)
_FORK = [
    *_stored(strings, "followups"),
    *_stored(string, "forked_from_run_id"),
    *_stored(integer, "forked_from_message_index"),
    *_stored(string, "forked_from_session_id", "regenerated_from"),
    *_stored(integer, "last_checkpoint_at_message_index"),
]
_REFERENCES = [
    *_stored(objects, "references", absent=_NO_LIST),
    *_stored(an_object, "citations"),
    *_stored(objects, "reasoning_messages", absent=_NO_LIST),
]
_REASONING = [
    *_stored(string, "reasoning_content", absent=_NO_TEXT),
    *_stored(objects, "reasoning_steps", absent=_NO_LIST),
]

RUN_FIELDS: dict[str, tuple[Field, ...]] = {
    "agent": (
        *_stored(string, "run_id"),
        *_stored(string, "parent_run_id", "agent_id", "user_id", absent=_NO_TEXT),
        *_stored(string, "status", "cancellation_stage"),
        *_derived("run_input"),
        *_stored(anything, "content", absent=_NO_TEXT),
        *_derived("run_response_format"),
        *_REASONING,
        *_stored(an_object, "metrics", absent=_NO_OBJECT),
        *_derived("metadata"),
        *_stored(some_objects, "messages", "tools", "events"),
        *_derived("created_at"),
        *_REFERENCES,
        *_stored(an_object, "session_state"),
        *_PRODUCED,
        *_stored(an_object, "response_audio"),
        *_derived("input_media"),
        *_FORK,
    ),
    "team": (
        *_stored(string, "run_id"),
        *_stored(string, "parent_run_id", "team_id", absent=_NO_TEXT),
        *_stored(string, "user_id", "status", "cancellation_stage"),
        *_stored(anything, "content", absent=_NO_TEXT),
        *_REASONING,
        *_derived("run_input", "run_response_format"),
        *_stored(an_object, "metrics", absent=_NO_OBJECT),
        *_stored(some_objects, "tools", "messages", "events"),
        *_derived("created_at"),
        *_REFERENCES,
        *_stored(an_object, "session_state"),
        *_derived("input_media"),
        *_PRODUCED,
        *_stored(an_object, "response_audio"),
        *_FORK,
    ),
    "workflow": (
        *_stored(string, "run_id"),
        *_derived("run_input"),
        *_stored(objects, "events", absent=_NO_LIST),
        *_stored(string, "workflow_id", "user_id", absent=_NO_TEXT),
        *_stored(anything, "content", absent=_NO_TEXT),
        *_stored(string, "content_type", "status", absent=_NO_TEXT),
        *_stored(string, "cancellation_stage"),
        *_stored(objects, "step_results", "step_executor_runs", absent=_NO_LIST),
        *_stored(objects, "step_requirements"),
        *_stored(string, "pause_kind", "paused_step_name"),
        *_stored(integer, "paused_step_index"),
        *_stored(an_object, "metrics", absent=_NO_OBJECT),
        *_derived("created_at"),
        *_REASONING,
        *_REFERENCES,
        *_PRODUCED,
        *_stored(an_object, "response_audio"),
    ),
}
