"""The schema of SessionStore, out of its CustomResourceDefinition: defaults and mistakes, without an API server.

The CEL rules of the definition are the API server's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}
_LIMITS: Mapping[str, str] = {"maxLength": "characters", "maxItems": "items", "maxProperties": "keys"}
_LONGEST_FORMED = 16_384
"""Characters of a text that has a pattern. To look through a MiB takes 150 more; stores from before limits have one."""


def with_defaults(spec: Mapping[str, Any]) -> Any:
    """The spec as the API server would store it."""
    return _filled(_spec(), spec)


class Mistake(NamedTuple):
    """What the API server would refuse: the path of the field, the keyword of the schema, and what it asks for."""

    field: str
    keyword: str
    demand: str

    def __str__(self) -> str:
        return f"{self.field}: {self.demand}"


def mistakes(spec: Any) -> list[Mistake]:
    """What the API server would refuse by the schema."""
    return list(_wrong(_spec(), spec, "spec"))


def malformed(spec: Any) -> list[Mistake]:
    """What no version of the schema lets through: fields that are missing, of another type, or of another form.

    An object may be older than the schema, or newer: limits, choices and fields come and go. Forms are what the
    operator relies on: that a name is a name and leads nowhere else.
    """
    return [each for each in mistakes(spec) if each.keyword in ("required", "type", "pattern")]


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


def _wrong(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Mistake]:
    if "type" not in schema:  # x-kubernetes-int-or-string
        return
    kind = _TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield Mistake(path, "type", f"must be of type {schema['type']}")
        return
    yield from _too_long(schema, value, path)
    if isinstance(value, dict):
        yield from _wrong_fields(schema, value, path)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _wrong(schema["items"], each, f"{path}[{number}]")
    elif value not in schema.get("enum", (value,)):
        yield Mistake(path, "enum", f"must be one of {', '.join(schema['enum'])}")
    elif isinstance(value, str) and "pattern" in schema and not _matches(schema["pattern"], value):
        yield Mistake(path, "pattern", f"must match {schema['pattern']}")
    elif isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield Mistake(path, "minimum", f"must be {schema['minimum']} to {schema['maximum']}")


def _too_long(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Mistake]:
    for limit, things in _LIMITS.items():
        if limit in schema and len(value) > schema[limit]:
            yield Mistake(path, limit, f"must have at most {schema[limit]} {things}")


def _matches(pattern: str, value: str) -> bool:
    return len(value) <= _LONGEST_FORMED and bool(_pattern(pattern).search(value))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # Of the API server, $ is the end of the text; of Python, the end before a newline as well
    return re.compile(text.replace("$", r"\Z"), re.ASCII)


def _wrong_fields(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    yield from (
        Mistake(f"{path}.{name}", "required", "required") for name in schema.get("required", ()) if name not in value
    )
    for name, each in value.items():
        if "additionalProperties" in schema:
            yield from _wrong(schema["additionalProperties"], each, f"{path}.{_shown(name)}")
        elif name in schema.get("properties", {}):
            yield from _wrong(schema["properties"][name], each, f"{path}.{name}")
        else:
            yield Mistake(f"{path}.{_shown(name)}", "properties", "unknown field")


def _shown(name: Any) -> str:
    """A key that somebody made up, as far as it can be printed."""
    return name if re.fullmatch(r"[A-Za-z0-9._/-]{1,253}", str(name)) else "…"
