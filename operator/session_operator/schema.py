"""The schema of SessionStore, out of its CustomResourceDefinition: defaults, and what no version of it lets through.

What the API server would refuse today is said in verdict.py.
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
_LONGEST_FORMED = 16_384
"""Characters of a text that has a pattern. To look through a MiB takes 150 more; stores from before limits have one."""


def with_defaults(spec: Mapping[str, Any]) -> Any:
    """The spec as the API server would store it."""
    return _filled(_spec(), spec)


class Mistake(NamedTuple):
    """What is wrong: the path of the field, the keyword of the schema, and what it asks for."""

    field: str
    keyword: str
    demand: str

    def __str__(self) -> str:
        return f"{self.field}: {self.demand}" if self.field else self.demand


def malformed(spec: Any) -> list[Mistake]:
    """What no version of the schema lets through: fields that are missing, of another type, or of another form.

    An object may be older than the schema, or newer: limits, choices and fields come and go. Forms are what the
    operator relies on: that a name is a name and leads nowhere else.
    """
    return list(_wrong(_spec(), spec, "spec"))


@cache
def definition() -> Mapping[str, Any]:
    """The schema of a whole SessionStore, as the CustomResourceDefinition has it."""
    resource = yaml.safe_load(files(__package__).joinpath("sessionstores.yaml").read_text())
    (version,) = resource["spec"]["versions"]
    schema: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def _spec() -> Mapping[str, Any]:
    schema: Mapping[str, Any] = definition()["properties"]["spec"]
    return schema


def _filled(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    fields: Mapping[str, Any] = schema.get("properties", {})
    known = fields if "additionalProperties" not in schema else value
    value = {name: each for name, each in value.items() if each is not None or name not in known}  # null is absence
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field and name not in value}
    return {name: _filled(fields.get(name, {}), each) for name, each in (value | defaults).items()}


def _wrong(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[Mistake]:
    if "type" not in schema:  # x-kubernetes-int-or-string
        return
    kind = _TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        yield Mistake(path, "type", f"must be of type {schema['type']}")
        return
    if isinstance(value, dict):
        yield from _wrong_fields(schema, value, path)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _wrong(schema["items"], each, f"{path}[{number}]")
    elif isinstance(value, str) and "pattern" in schema and not matches(schema["pattern"], value):
        yield Mistake(path, "pattern", f"must match {schema['pattern']}")


def matches(pattern: str, value: str) -> bool:
    """Whether a text has a form, as the API server reads patterns; one from before there were limits has none."""
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
            yield from _wrong(schema["additionalProperties"], each, f"{path}.{shown(name)}")
        elif name in schema.get("properties", {}):
            yield from _wrong(schema["properties"][name], each, f"{path}.{name}")


def shown(name: Any) -> str:
    """A key that somebody made up, as far as it can be printed."""
    return name if re.fullmatch(r"[A-Za-z0-9._/-]{1,253}", str(name)) else "…"
