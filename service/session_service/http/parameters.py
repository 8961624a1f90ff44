"""What a request may say: queries and bodies as types, and FastAPI's 422 for what does not fit them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic_core import PydanticKnownError


class SessionType(StrEnum):
    """The stored types of sessions."""

    agent = "agent"
    team = "team"
    workflow = "workflow"


STATUSES = ("CANCELLED", "COMPLETED", "ERROR", "PAUSED", "PENDING", "REGENERATED", "RUNNING")


class SortOrder(StrEnum):
    """Directions of the list."""

    asc = "asc"
    desc = "desc"


def _of_statuses(schema: dict[str, Any]) -> None:
    # an unknown one is 400 and not 422: the handler looks at them, as AgentOS' does
    schema["anyOf"][0]["items"]["enum"] = list(STATUSES)


def _from_one(page: int) -> int:
    # AgentOS lets 0 pass here and then fails with 500
    if page < 1:
        raise PydanticKnownError("greater_than_equal", {"ge": 1})
    return page


class Selection(BaseModel):
    """Which database: every route takes these. An empty text counts as absent."""

    db_id: str | None = None
    table: str | None = None


class CreateParameters(BaseModel):
    """Query of `POST /sessions`."""

    type: SessionType = SessionType.agent
    db_id: str | None = None


class OwnerParameters(Selection):
    """Which database, and whose sessions: every route takes these but the one that creates."""

    user_id: str | None = None


class SessionParameters(OwnerParameters):
    """Query of detail, rename, patch and one run."""

    type: SessionType | None = None


class DeleteParameters(OwnerParameters):
    """Query of both deletes."""

    delete_media: bool = False


class RunsParameters(SessionParameters):
    """Query of runs and run-previews; the bounds are unix seconds, both inclusive."""

    created_after: int | None = None
    created_before: int | None = None
    status: Annotated[list[str] | None, Field(json_schema_extra=_of_statuses)] = None


class ListParameters(SessionParameters):
    """Query of `GET /sessions`."""

    component_id: str | None = None
    session_name: str | None = None
    limit: Annotated[int, Field(ge=1)] = 20
    page: Annotated[int, Field(ge=0, json_schema_extra={"minimum": 1}), AfterValidator(_from_one)] = 1
    sort_by: str = "created_at"
    sort_order: SortOrder = SortOrder.desc


class CreateBody(BaseModel):
    """Body of `POST /sessions`. `runs` and `summary` are our extension: they import a whole session."""

    session_id: str | None = None
    session_name: str | None = None
    session_state: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    user_id: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    summary: dict[str, Any] | None = None
    runs: list[dict[str, Any]] | None = None


class RenameBody(BaseModel):
    """Body of `POST /sessions/{session_id}/rename`."""

    session_name: str


class PatchBody(BaseModel):
    """Body of `PATCH /sessions/{session_id}`; null leaves as it is."""

    session_name: str | None = None
    session_state: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None


class BulkDeleteBody(BaseModel):
    """Body of `DELETE /sessions`."""

    session_ids: Annotated[list[str], Field(min_length=1)]
    session_types: Annotated[list[SessionType], Field(min_length=1)]


Model = TypeVar("Model", bound=BaseModel)
Problems = list[dict[str, Any]]


def check(kind: type[Model], place: str, value: Any) -> Model | Problems:
    """The value as this model, or what is wrong with it in FastAPI's words; `place` is `query` or `body`."""
    try:
        return kind.model_validate(value, from_attributes=True)
    except ValidationError as error:
        return [_problem(place, found) for found in error.errors(include_url=False)]


def _problem(place: str, found: Any) -> dict[str, Any]:
    problem = {
        "type": found["type"],
        "loc": [place, *found["loc"]],
        "msg": found["msg"],
        "input": found["input"],
    }
    return problem | ({"ctx": found["ctx"]} if "ctx" in found else {})


def query_values(kind: type[BaseModel], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of a query that the model knows: the last of a repeated one, all of a list."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name == "status" and name in kind.model_fields:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values
