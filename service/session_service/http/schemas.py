"""The shapes of answers as JSON Schema, for the OpenAPI document. A member that is null may be absent."""

from __future__ import annotations

from typing import Any

from session_service.sessions import json_text
from session_service.sessions.run_fields import RUN_FORMS

Schema = dict[str, Any]


def _nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT, NUMBER, OBJECT, LIST = (_nullable(kind) for kind in ("string", "integer", "object", "array"))
TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
OBJECTS: Schema = {"type": ["array", "null"], "items": {"type": "object"}}
ANY: Schema = {}

_KINDS = {
    json_text.string: TEXT,
    json_text.integer: NUMBER,
    json_text.an_object: OBJECT,
    json_text.objects: LIST,
    json_text.some_objects: LIST,
    json_text.strings: LIST,
}


def _object(properties: dict[str, Schema], *required: str) -> Schema:
    required_text = {name: {"type": "string"} for name in required if properties.get(name) == TEXT}
    return {"type": "object", "properties": properties | required_text, "required": list(required)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _run(form: str) -> Schema:
    fields = {field.name: _KINDS.get(field.kind, ANY) if field.kind else ANY for field in RUN_FORMS[form].fields}
    return _object(fields | {"run_input": TEXT, "created_at": TIME}, "run_id")


_COMMON = {"session_id": TEXT, "session_name": TEXT, "user_id": TEXT, "created_at": TIME, "updated_at": TIME}
_STATE = {"session_state": OBJECT, "metadata": OBJECT}
_IDS = {"agent_id": TEXT, "team_id": TEXT, "workflow_id": TEXT}
_CHAT = {"session_summary": OBJECT, "metrics": OBJECT, "total_tokens": NUMBER, "chat_history": OBJECTS}
_STATES = {"enum": ["untried", "serving", "refused", "unreachable"]}

SCHEMAS: dict[str, Schema] = {
    "Error": _object(
        {"detail": {"anyOf": [{"type": "string"}, {"type": "array", "items": _ref("Problem")}]}}, "detail"
    ),
    "Problem": _object(
        {"type": TEXT, "loc": {"type": "array"}, "msg": TEXT, "input": ANY, "ctx": OBJECT}, "type", "loc", "msg"
    ),
    "Alive": _object({"status": {"const": "ok"}}, "status"),
    "Health": _object({"status": {"const": "ok"}, "instantiated_at": TIME}, "status", "instantiated_at"),
    "Probe": _object(
        {
            "status": TEXT,
            "databases": {"type": "array", "items": _ref("DatabaseState")},
            "keys": _object({"state": TEXT, "reason": TEXT}, "state"),
        },
        "status",
        "databases",
    ),
    "DatabaseState": _object({"id": TEXT, "state": _STATES, "reason": TEXT, "layout": TEXT}, "id", "state"),
    "Session": _object(
        _COMMON
        | _STATE
        | _IDS
        | {"session_type": TEXT, "session_summary": OBJECT, "metrics": OBJECT, "total_tokens": NUMBER},
        "session_id",
        "session_name",
    ),
    "SessionPage": _object(
        {"data": {"type": "array", "items": _ref("Session")}, "meta": _ref("PageInfo")}, "data", "meta"
    ),
    "PageInfo": _object(
        {name: {"type": "integer"} for name in ("page", "limit", "total_pages", "total_count")}
        | {"search_time_ms": {"type": "number"}},
        *("page", "limit", "total_pages", "total_count", "search_time_ms"),
    ),
    "SessionDetail": {"anyOf": [_ref(f"{kind}SessionDetail") for kind in ("Agent", "Team", "Workflow")]},
    "AgentSessionDetail": _object(
        _COMMON | _STATE | _CHAT | {"agent_session_id": TEXT, "agent_id": TEXT, "agent_data": OBJECT},
        *("agent_session_id", "session_id", "session_name"),
    ),
    "TeamSessionDetail": _object(
        _COMMON | _STATE | _CHAT | {"team_id": TEXT, "team_data": OBJECT}, "session_id", "session_name"
    ),
    "WorkflowSessionDetail": _object(
        _COMMON
        | _STATE
        | {"workflow_id": TEXT, "workflow_name": TEXT, "session_data": OBJECT, "workflow_data": OBJECT},
        *("session_id", "session_name"),
    ),
    "Run": {"anyOf": [_ref(f"{kind}Run") for kind in ("Agent", "Team", "Workflow")]},
    "AgentRun": _run("agent"),
    "TeamRun": _run("team"),
    "WorkflowRun": _run("workflow"),
    "RunPreview": _object(
        _IDS
        | dict.fromkeys(("run_id", "parent_run_id", "user_id", "status", "run_input", "content_preview"), TEXT)
        | {"created_at": TIME},
        "run_id",
    ),
}
