"""The description of the API as OpenAPI 3.1: `session-service openapi` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

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
_OF_ALL = (400, 401, 403, 404, 422, 429, 503, 504)
_WITH_BODY = (408, 413, 415)


def document(version: str) -> dict[str, Any]:
    """The whole document."""
    schemas: dict[str, Schema] = dict(SCHEMAS)
    paths: dict[str, dict[str, Any]] = {}
    for (method, template), operation in OPERATIONS.items():
        paths.setdefault(template, {})[method.lower()] = _operation(template, operation, schemas)
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


def _operation(template: str, operation: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    probe = operation.tag == "Health"
    failures = operation.failures if probe else (*_OF_ALL, *operation.failures)
    description: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *(_path_parameter(name) for name in re.findall(r"{(\w+)}", template)),
            *(_query_parameters(operation.query) if operation.query else []),
        ],
        "responses": {str(operation.status): _success(operation)},
    }
    if operation.body is not None:
        failures += _WITH_BODY
        name = operation.body.__name__
        schemas[name] = _model(operation.body)
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        description["requestBody"] = {"required": not operation.body_optional, "content": content}
    if not probe:
        description["security"] = [{"HTTPBearer": []}]
    for status in sorted(failures):
        description["responses"][str(status)] = (
            _answer("Not now", {"$ref": "#/components/schemas/Probe"})
            if probe
            else {"$ref": f"#/components/responses/{status}"}
        )
    return description


def _success(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "Done", "headers": _HEADERS}
    schema: Schema = {"$ref": f"#/components/schemas/{operation.answer}"}
    return _answer(operation.summary, {"type": "array", "items": schema} if operation.many else schema)


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
    """A query has no null: what may be null may be left out."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "title"} and value is not None}
    return rest | options[0] if options else rest


def _model(model: type[BaseModel]) -> Schema:
    return {key: value for key, value in _inlined(model.model_json_schema()).items() if key != "description"}


def _inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in the places that refer to them."""
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
