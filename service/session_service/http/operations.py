"""Parameters, bodies and answers of each route, for the OpenAPI document. The names are those of AgentOS."""

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

    id: AgentOS' `operationId`. description: in Markdown. status, answer: of success, with the name of the schema of its
    body; an array of them with `many`. body: what it takes, and whether it may be left out. failures: statuses of its
    own beside the common.
    """

    id: str
    summary: str
    description: str
    tag: str = "Sessions"
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_optional: bool = False
    status: int = 200
    answer: str | None = None
    many: bool = False
    failures: tuple[int, ...] = ()


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/healthz"): Operation(
        "healthz",
        "Whether the process runs",
        "200 while the process takes requests. No database is asked, so an outage of one restarts nothing.",
        "Health",
        answer="Alive",
    ),
    ("GET", "/healthz/startup"): Operation(
        "healthz_startup",
        "Whether it has started",
        "200 once every database was tried and none refuses the service: a wrong password or name is 503, with the "
        "reason by database.",
        "Health",
        answer="Probe",
        failures=(503,),
    ),
    ("GET", "/healthz/ready"): Operation(
        "healthz_ready",
        "Whether it can serve",
        "200 while at least one database serves, with the state of each; 503 while none does, or while the process "
        "drains before its end.",
        "Health",
        answer="Probe",
        failures=(503,),
    ),
    ("GET", "/health"): Operation(
        "health_check",
        "Whether it is up, as AgentOS says it",
        "What clients of AgentOS ask before they connect: always 200, with the time at which the process began.",
        "Health",
        answer="Health",
    ),
    ("GET", "/sessions"): Operation(
        "get_sessions",
        "A page of sessions",
        "Sessions by type, component, owner and a part of their name, a page at a time, the newest first unless told "
        "otherwise. Runs are not read: a page costs the same however long its histories are. A session that was never "
        "named is named after what its user said first. Members that are null are left out.",
        query=ListParameters,
        answer="SessionPage",
    ),
    ("POST", "/sessions"): Operation(
        "create_session",
        "Create a session, or import one with its runs",
        "Creates a session of the type that the query names, under the id of the body or a new UUID. Of the components "
        "the one of that type is kept. `runs` and `summary` import a whole session, with runs as agno stores them. "
        "409 if the id is taken. Tables that are missing are created.",
        query=CreateParameters,
        body=CreateBody,
        body_optional=True,
        status=201,
        answer="SessionDetail",
        failures=(409,),
    ),
    ("DELETE", "/sessions"): Operation(
        "delete_sessions",
        "Delete many sessions",
        "Deletes these sessions with their runs, all in one transaction; those that are not there, or another owner's, "
        "are passed over. `session_types` has as many members as `session_ids`, and does not filter.",
        query=DeleteParameters,
        body=BulkDeleteBody,
        status=204,
    ),
    ("GET", "/sessions/{session_id}"): Operation(
        "get_session_by_id",
        "A session in detail",
        "An agent's or a team's session with its chat history, a workflow's with its data. `type` chooses the shape to "
        "answer in and does not filter; without it, that of the session. With `user_id`, or a token of one user, "
        "sessions of others are not found.",
        query=SessionParameters,
        answer="SessionDetail",
    ),
    ("PATCH", "/sessions/{session_id}"): Operation(
        "update_session",
        "Change name, state, metadata or summary",
        "Each member of the body takes the place of what is stored; what is null or left out stays. Nothing else is "
        "written but `updated_at`, so two patches at a time both stand.",
        query=SessionParameters,
        body=PatchBody,
        answer="SessionDetail",
    ),
    ("DELETE", "/sessions/{session_id}"): Operation(
        "delete_session",
        "Delete a session with its runs",
        "204, whether there was such a session or not. Another owner's stays.",
        query=DeleteParameters,
        status=204,
    ),
    ("POST", "/sessions/{session_id}/rename"): Operation(
        "rename_session",
        "Rename a session",
        "Stores a name, which may be empty; `updated_at` stays. With `type`, only a session of that type is found.",
        query=SessionParameters,
        body=RenameBody,
        answer="SessionDetail",
    ),
    ("GET", "/sessions/{session_id}/runs"): Operation(
        "get_session_runs",
        "The runs of a session",
        "All runs in their order, or those of these statuses and between these times, both inclusive. A long answer is "
        "streamed out of the database.",
        query=RunsParameters,
        answer="Run",
        many=True,
    ),
    ("GET", "/sessions/{session_id}/run-previews"): Operation(
        "get_session_run_previews",
        "The runs of a session, each in a few words",
        "As the runs, but of each only its ids, status and time, and the beginnings of what went in and came out.",
        query=RunsParameters,
        answer="RunPreview",
        many=True,
    ),
    ("GET", "/sessions/{session_id}/runs/{run_id}"): Operation(
        "get_session_run",
        "One run of a session",
        "Every member of the run, also those that are null.",
        query=SessionParameters,
        answer="Run",
    ),
}
