"""The schema of SessionStore, out of its CustomResourceDefinition: defaults and mistakes, without an API server.

The CEL rules of the definition are the API server's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}


def with_defaults(spec: Mapping[str, Any]) -> Any:
    """The spec as the API server would store it."""
    return _filled(_spec(), spec)


def mistakes(spec: Mapping[str, Any]) -> list[str]:
    """What the API server would refuse by the schema, each with the path of the field."""
    return list(_wrong(_spec(), spec, "spec"))


@cache
def _spec() -> Mapping[str, Any]:
    definition = yaml.safe_load(files(__package__).joinpath("sessionstores.yaml").read_text())
    (version,) = definition["spec"]["versions"]
    schema: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


def _filled(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    fields: Mapping[str, Any] = schema.get("properties", {})
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field and name not in value}
    return {name: _filled(fields.get(name, {}), each) for name, each in (value | defaults).items()}


def _wrong(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    if "type" not in schema:  # x-kubernetes-int-or-string
        return
    kind = _TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield f"{path}: must be of type {schema['type']}"
    elif isinstance(value, dict):
        yield from _wrong_fields(schema, value, path)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _wrong(schema["items"], each, f"{path}[{number}]")
    elif value not in schema.get("enum", (value,)):
        yield f"{path}: must be one of {', '.join(schema['enum'])}"
    elif isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: must match {schema['pattern']}"
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: must be {schema['minimum']} to {schema['maximum']}"


def _wrong_fields(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{name}: required" for name in schema.get("required", ()) if name not in value)
    for name, each in value.items():
        if "additionalProperties" in schema:
            yield from _wrong(schema["additionalProperties"], each, f"{path}.{name}")
        elif name in schema.get("properties", {}):
            yield from _wrong(schema["properties"][name], each, f"{path}.{name}")
        else:
            yield f"{path}.{name}: unknown field"
