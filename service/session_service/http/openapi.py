"""The description of the API as OpenAPI 3.1: `session-service openapi` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from session_service.http.examples import Example, examples
from session_service.http.operations import OPERATIONS, Operation
from session_service.http.schemas import SCHEMAS, Schema

_FAILURES = {
    400: "The request is not understood",
    401: "No valid credentials",
    403: "The token lacks the scope, the identity or a database",
    404: "No such database, session or run",
    408: "The body did not arrive in time",
    409: "The id is taken",
    413: "The body is too large",
    415: "The body is encoded",
    422: "A parameter or the body does not fit",
    429: "Too many service accounts' tokens from this address were wrong",
    503: "The database is unavailable, or asked for too much",
    504: "The database did not answer in time",
}
_PARAMETERS = {
    "session_id": "The id of the session",
    "run_id": "The id of the run",
    "db_id": "The database, by its id in the DSN map; without it the default one",
    "table": "The table of sessions, where a database has several",
    "user_id": "Only sessions of this owner",
    "type": "The type of the session: a filter of the list and of rename, else the shape to answer in",
    "delete_media": "503 if true: no media storage is configured",
    "created_after": "Runs from this time on, in unix seconds",
    "created_before": "Runs up to this time, in unix seconds",
    "status": "Runs of these statuses, in any case",
    "component_id": "Only sessions of this agent, team or workflow",
    "session_name": "Only sessions whose stored name has this part, in any case",
    "limit": "Sessions on a page",
    "page": "Which page, from 1",
    "sort_by": "A column of the table; an unknown one is ignored",
    "sort_order": "The direction",
}
_OF_ALL = (400, 401, 403, 404, 422, 429, 503, 504)
_WITH_BODY = (408, 413, 415)


def document(version: str) -> dict[str, Any]:
    """The OpenAPI document as a dict."""
    schemas: dict[str, Schema] = dict(SCHEMAS)
    paths: dict[str, dict[str, Any]] = {}
    known = examples()
    for (method, template), operation in OPERATIONS.items():
        paths.setdefault(template, {})[method.lower()] = _operation(template, operation, known[operation.id], schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "agno-session-store",
            "description": "AgentOS' session API, served out of Postgres databases that agno writes.",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                str(status): _answer(description, {"$ref": "#/components/schemas/Error"})
                for status, description in _FAILURES.items()
            },
            "headers": {
                "X-Request-ID": {
                    "schema": {"type": "string"},
                    "description": "The id by which the log names the request",
                },
                "Server-Timing": {"schema": {"type": "string"}, "description": "Milliseconds by part"},
            },
            "securitySchemes": {"HTTPBearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(template: str, operation: Operation, example: Example, schemas: dict[str, Schema]) -> dict[str, Any]:
    probe = operation.tag == "Health"
    failures = operation.failures if probe else (*_OF_ALL, *operation.failures)
    description: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "parameters": [
            *(_path_parameter(name) for name in re.findall(r"{(\w+)}", template)),
            *(_query_parameters(operation.query) if operation.query else []),
        ],
        "responses": {str(operation.status): _success(operation, example)},
    }
    for parameter in description["parameters"]:
        parameter |= {"description": _PARAMETERS[parameter["name"]]}
        if parameter["name"] in example.parameters:
            parameter |= {"example": example.parameters[parameter["name"]]}
    if operation.body is not None:
        failures += _WITH_BODY
        name = operation.body.__name__
        schemas[name] = _model(operation.body)
        content = {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": example.body}
        description["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": content},
        }
    if not probe:
        description["security"] = [{"HTTPBearer": []}]
    for status in sorted(failures):
        description["responses"][str(status)] = (
            _answer("Not now", {"$ref": "#/components/schemas/Probe"})
            if probe
            else {"$ref": f"#/components/responses/{status}"}
        )
    return description


def _success(operation: Operation, example: Example) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "Done", "headers": _HEADERS}
    schema: Schema = {"$ref": f"#/components/schemas/{operation.answer}"}
    answer = _answer(operation.summary, {"type": "array", "items": schema} if operation.many else schema)
    answer["content"]["application/json"]["example"] = example.answer
    return answer


_HEADERS = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", "Server-Timing")}


def _answer(description: str, schema: Schema) -> dict[str, Any]:
    return {"description": description, "headers": _HEADERS, "content": {"application/json": {"schema": schema}}}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    properties = _inlined(model.model_json_schema())["properties"]
    return [
        {"in": "query", "name": name, "required": False, "schema": _not_null(schema)}
        for name, schema in properties.items()
    ]


def _not_null(schema: Schema) -> Schema:
    """The schema without null: a query has no null, so a nullable parameter is an optional one."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "title"} and value is not None}
    return rest | options[0] if options else rest


def _model(model: type[BaseModel]) -> Schema:
    return {key: value for key, value in _inlined(model.model_json_schema()).items() if key != "description"}


def _inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with each reference replaced by its definition."""
    definitions = schema.get("$defs", {})

    def inline(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                target = definitions[value["$ref"].rpartition("/")[2]]
                return inline({key: item for key, item in target.items() if key not in {"title", "description"}}) | {
                    key: inline(item) for key, item in value.items() if key != "$ref"
                }
            return {key: inline(item) for key, item in value.items() if key != "$defs"}
        return [inline(item) for item in value] if isinstance(value, list) else value

    return dict(inline(schema))
