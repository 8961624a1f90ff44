"""The three forms of a run: their fields in order, the kind of each, and the value of an absent one."""

from __future__ import annotations

from .forms import Form, derived, stored
from .json_text import an_object, anything, integer, objects, some_objects, string, strings

_NO_TEXT = b'""'
_NO_LIST = b"[]"
_NO_OBJECT = b"{}"


_PRODUCED = stored(objects, "images", "videos", "audio", "files", absent=_NO_LIST)
_FORK = [
    *stored(strings, "followups"),
    *stored(string, "forked_from_run_id"),
    *stored(integer, "forked_from_message_index"),
    *stored(string, "forked_from_session_id", "regenerated_from"),
    *stored(integer, "last_checkpoint_at_message_index"),
]
_REFERENCES = [
    *stored(objects, "references", absent=_NO_LIST),
    *stored(an_object, "citations"),
    *stored(objects, "reasoning_messages", absent=_NO_LIST),
]
_REASONING = [
    *stored(string, "reasoning_content", absent=_NO_TEXT),
    *stored(objects, "reasoning_steps", absent=_NO_LIST),
]

RUN_FORMS = {
    "agent": Form(
        *stored(string, "run_id"),
        *stored(string, "parent_run_id", "agent_id", "user_id", absent=_NO_TEXT),
        *stored(string, "status", "cancellation_stage"),
        *derived("run_input"),
        *stored(anything, "content", absent=_NO_TEXT),
        *derived("run_response_format"),
        *_REASONING,
        *stored(an_object, "metrics", absent=_NO_OBJECT),
        *derived("metadata"),
        *stored(some_objects, "messages", "tools", "events"),
        *derived("created_at"),
        *_REFERENCES,
        *stored(an_object, "session_state"),
        *_PRODUCED,
        *stored(an_object, "response_audio"),
        *derived("input_media"),
        *_FORK,
    ),
    "team": Form(
        *stored(string, "run_id"),
        *stored(string, "parent_run_id", "team_id", absent=_NO_TEXT),
        *stored(string, "user_id", "status", "cancellation_stage"),
        *stored(anything, "content", absent=_NO_TEXT),
        *_REASONING,
        *derived("run_input", "run_response_format"),
        *stored(an_object, "metrics", absent=_NO_OBJECT),
        *stored(some_objects, "tools", "messages", "events"),
        *derived("created_at"),
        *_REFERENCES,
        *stored(an_object, "session_state"),
        *derived("input_media"),
        *_PRODUCED,
        *stored(an_object, "response_audio"),
        *_FORK,
    ),
    "workflow": Form(
        *stored(string, "run_id"),
        *derived("run_input"),
        *stored(objects, "events", absent=_NO_LIST),
        *stored(string, "workflow_id", "user_id", absent=_NO_TEXT),
        *stored(anything, "content", absent=_NO_TEXT),
        *stored(string, "content_type", "status", absent=_NO_TEXT),
        *stored(string, "cancellation_stage"),
        *stored(objects, "step_results", "step_executor_runs", absent=_NO_LIST),
        *stored(objects, "step_requirements"),
        *stored(string, "pause_kind", "paused_step_name"),
        *stored(integer, "paused_step_index"),
        *stored(an_object, "metrics", absent=_NO_OBJECT),
        *derived("created_at"),
        *_REASONING,
        *_REFERENCES,
        *_PRODUCED,
        *stored(an_object, "response_audio"),
    ),
}
