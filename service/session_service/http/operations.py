"""What each route takes and answers, for its description; the names are those of AgentOS, whose clients know them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from session_service.http.parameters import (
    BulkDeleteBody,
    CreateBody,
    CreateParameters,
    DeleteParameters,
    ListParameters,
    PatchBody,
    RenameBody,
    RunsParameters,
    SessionParameters,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route.

    id: AgentOS' `operationId`. status, answer: of success, with the name of the schema of its body; an array of them
    with `many`. body: what it takes, and whether it may be left out. failures: statuses of its own beside the common.
    """

    id: str
    summary: str
    tag: str = "Sessions"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_optional: bool = False
    status: int = 200
    answer: str | None = None
    many: bool = False
    failures: tuple[int, ...] = ()


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/healthz"): Operation("healthz", "Whether the process runs", "Health", answer="Alive"),
    ("GET", "/healthz/startup"): Operation(
        "healthz_startup", "Whether it has started", "Health", answer="Probe", failures=(503,)
    ),
    ("GET", "/healthz/ready"): Operation(
        "healthz_ready", "Whether it can serve", "Health", answer="Probe", failures=(503,)
    ),
    ("GET", "/health"): Operation("health_check", "Whether it is up, as AgentOS says it", "Health", answer="Health"),
    ("GET", "/sessions"): Operation("get_sessions", "A page of sessions", query=ListParameters, answer="SessionPage"),
    ("POST", "/sessions"): Operation(
        "create_session",
        "Create a session, or import one with its runs",
        query=CreateParameters,
        body=CreateBody,
        body_optional=True,
        status=201,
        answer="SessionDetail",
        failures=(409,),
    ),
    ("DELETE", "/sessions"): Operation(
        "delete_sessions", "Delete many sessions", query=DeleteParameters, body=BulkDeleteBody, status=204
    ),
    ("GET", "/sessions/{session_id}"): Operation(
        "get_session_by_id", "A session in detail", query=SessionParameters, answer="SessionDetail"
    ),
    ("PATCH", "/sessions/{session_id}"): Operation(
        "update_session",
        "Change name, state, metadata or summary",
        query=SessionParameters,
        body=PatchBody,
        answer="SessionDetail",
    ),
    ("DELETE", "/sessions/{session_id}"): Operation(
        "delete_session", "Delete a session with its runs", query=DeleteParameters, status=204
    ),
    ("POST", "/sessions/{session_id}/rename"): Operation(
        "rename_session", "Rename a session", query=SessionParameters, body=RenameBody, answer="SessionDetail"
    ),
    ("GET", "/sessions/{session_id}/runs"): Operation(
        "get_session_runs", "The runs of a session", query=RunsParameters, answer="Run", many=True
    ),
    ("GET", "/sessions/{session_id}/run-previews"): Operation(
        "get_session_run_previews",
        "The runs of a session, each in a few words",
        query=RunsParameters,
        answer="RunPreview",
        many=True,
    ),
    ("GET", "/sessions/{session_id}/runs/{run_id}"): Operation(
        "get_session_run", "One run of a session", query=SessionParameters, answer="Run"
    ),
}
