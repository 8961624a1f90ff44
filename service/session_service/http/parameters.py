"""What a request may say: queries and bodies as types, and FastAPI's 422 for what does not fit them."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, WrapValidator
from pydantic_core import InitErrorDetails, PydanticKnownError

from session_service.sessions.long_json import LongJson

# bytes of a body that is a name, or ids
SHORT_BODY = 2**20
# bytes of the JSON of an `input`, and characters of what it is cut to
LONGEST_INPUT = 4096
MOST_PROBLEMS = 100


class SessionType(StrEnum):
    """The stored types of sessions."""

    agent = "agent"
    team = "team"
    workflow = "workflow"


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value in _TYPES


_TYPES = frozenset(SessionType)
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


def _decoded(first: bytes) -> BeforeValidator:
    """Decodes a long value of the kind that begins so."""
    return BeforeValidator(
        lambda value: value.decoded() if isinstance(value, LongJson) and value.first == first else value
    )


def _undecoded(first: bytes) -> WrapValidator:
    """Leaves a long value of the kind that begins so as it is."""

    def validated(value: Any, handler: Callable[[Any], Any]) -> Any:
        return value if isinstance(value, LongJson) and value.first == first else handler(value)

    return WrapValidator(validated)


def _undecoded_objects(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Leaves a long list of objects as it is."""
    if not isinstance(value, LongJson) or value.first != b"[":
        return handler(value)
    wrong = ((place, item) for place, item in enumerate(value.items()) if item.first != b"{")
    problems = [
        InitErrorDetails(type="dict_type", loc=(place,), input=item) for place, item in islice(wrong, MOST_PROBLEMS)
    ]
    if problems:
        raise ValidationError.from_exception_data("runs", problems)
    return value


def _cut(wrong: Callable[[Any], bool]) -> BeforeValidator:
    """Cuts a list after so many wrong items: a problem takes hundreds of times the bytes that it is found in."""

    def cut(value: Any) -> Any:
        if isinstance(value, list):
            found = (place for place, item in enumerate(value) if wrong(item))
            for last in islice(found, MOST_PROBLEMS - 1, None):
                return value[: last + 1]
        return value

    return BeforeValidator(cut)


if TYPE_CHECKING:
    LongText = str | LongJson
    Object = dict[str, Any] | LongJson
    Objects = list[dict[str, Any]] | LongJson
else:
    LongText = Annotated[str, _undecoded(b'"')]
    Object = Annotated[dict[str, Any], _undecoded(b"{")]
    Objects = Annotated[
        list[dict[str, Any]], _cut(lambda item: not isinstance(item, dict)), WrapValidator(_undecoded_objects)
    ]
Text = Annotated[str, _decoded(b'"')]


class Body(BaseModel):
    """Body of a route: of so many bytes at most, None for as many as the service takes of any."""

    most_bytes: ClassVar[int | None] = None


class CreateBody(Body):
    """Body of `POST /sessions`. `runs` and `summary` are our extension: they import a whole session."""

    session_id: Text | None = None
    session_name: LongText | None = None
    session_state: Object | None = None
    metadata: Object | None = None
    user_id: Text | None = None
    agent_id: Text | None = None
    team_id: Text | None = None
    workflow_id: Text | None = None
    summary: Object | None = None
    runs: Objects | None = None


class RenameBody(Body):
    """Body of `POST /sessions/{session_id}/rename`."""

    most_bytes: ClassVar[int | None] = SHORT_BODY

    session_name: LongText


class PatchBody(Body):
    """Body of `PATCH /sessions/{session_id}`; null leaves as it is."""

    session_name: LongText | None = None
    session_state: Object | None = None
    metadata: Object | None = None
    summary: Object | None = None


class BulkDeleteBody(Body):
    """Body of `DELETE /sessions`."""

    most_bytes: ClassVar[int | None] = SHORT_BODY

    session_ids: Annotated[list[str], Field(min_length=1), _cut(lambda item: not isinstance(item, str)), _decoded(b"[")]
    session_types: Annotated[
        list[SessionType], Field(min_length=1), _cut(lambda item: not _is_type(item)), _decoded(b"[")
    ]


Model = TypeVar("Model", bound=BaseModel)
Problems = list[dict[str, Any]]
# What the `input` of a problem is, of where it is, its type, and the value as it was checked.
Shown = Callable[[tuple[int | str, ...], str, Any], Any]


def shown_value(_: tuple[int | str, ...], __: str, value: Any) -> Any:
    """The value, or the beginning of its JSON if that is long; null if it is nested too deeply to be said."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return None
    return value if len(text.encode(errors="replace")) <= LONGEST_INPUT else text[:LONGEST_INPUT]


def check(kind: type[Model], place: str, value: Any, shown: Shown = shown_value) -> Model | Problems:
    """The value as this model, or what is wrong with it in FastAPI's words; `place` is `query` or `body`."""
    try:
        return kind.model_validate(value, from_attributes=True)
    except ValidationError as error:
        return [_problem(place, found, shown) for found in error.errors(include_url=False)]


def _problem(place: str, found: Any, shown: Shown) -> dict[str, Any]:
    problem = {
        "type": found["type"],
        "loc": [place, *found["loc"]],
        "msg": found["msg"],
        "input": shown(found["loc"], found["type"], found["input"]),
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
