"""The OpenAPI document names what AgentOS' own names: operations, parameters, bodies, and members of answers."""

from typing import Any

from session_service.http.openapi import document

from .exchange import Request
from .servers import Servers

# what we take or answer beyond AgentOS
EXTENSIONS = {"CreateBody": {"runs", "summary"}}
# AgentOS' names of our schemas
SCHEMAS = {
    "CreateBody": "CreateSessionRequest",
    "PatchBody": "UpdateSessionRequest",
    "BulkDeleteBody": "DeleteSessionRequest",
    "RenameBody": "Body_rename_session",
    "Session": "SessionSchema",
    "PageInfo": "PaginationInfo",
    "AgentSessionDetail": "AgentSessionDetailSchema",
    "TeamSessionDetail": "TeamSessionDetailSchema",
    "WorkflowSessionDetail": "WorkflowSessionDetailSchema",
    "AgentRun": "RunSchema",
    "TeamRun": "TeamRunSchema",
    "WorkflowRun": "WorkflowRunSchema",
    "RunPreview": "SessionRunPreviewSchema",
    "Health": "HealthResponse",
}


def operations(described: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """What is compared of each operation."""
    return {
        (method, path): (
            operation["operationId"],
            sorted((each["in"], each["name"], each["required"]) for each in operation.get("parameters", [])),
            operation.get("requestBody", {}).get("required", False),
            [status for status in operation["responses"] if status.startswith("2")],
            operation.get("security"),
        )
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_operations_have_agentos_names_parameters_and_statuses(agentos: Servers) -> None:
    theirs = operations(agentos["v3", "key"].ask(Request("GET", "/openapi.json")).body)
    ours = operations(document("1"))
    shared = ours.keys() & theirs.keys()
    assert len(shared) == 11
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}
    assert {path for _, path in ours.keys() - shared} == {"/healthz", "/healthz/startup", "/healthz/ready"}


def test_bodies_and_answers_have_agentos_members(agentos: Servers) -> None:
    theirs = agentos["v3", "key"].ask(Request("GET", "/openapi.json")).body["components"]["schemas"]
    ours = document("1")["components"]["schemas"]
    for name, their_name in SCHEMAS.items():
        members = set(ours[name]["properties"]) - EXTENSIONS.get(name, set())
        assert (name, members) == (name, set(theirs[their_name]["properties"]))
