"""What the API server would refuse of a SessionStore, found without one: by the schema and the CEL rules of its
CustomResourceDefinition, as JSON Schema with Kubernetes' keywords.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.celtypes import IntType
from celpy.evaluation import CELEvalError
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from session_operator.resource import Object
from session_operator.schema import Mistake, definition, matches, shown, with_defaults

Schema = dict[str, Any]

_KEPT = {
    *("type", "required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("minProperties", "maxProperties", "x-kubernetes-validations", "x-kubernetes-list-map-keys"),
}
_TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
_OF_ALL_KINDS = (
    *("name", "namespace", "generateName", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields"),
)
_METADATA: Schema = {
    "type": "object",
    "properties": {name: {} for name in _OF_ALL_KINDS} | {"labels": _TEXTS, "annotations": _TEXTS},
    "additionalProperties": False,
}
_DEMANDS: Mapping[str, Callable[[Any], str]] = {
    "enum": lambda values: f"must be one of {', '.join(map(str, values))}",
    "pattern": lambda pattern: f"must match {pattern}",
    "type": lambda kind: f"must be of type {kind if isinstance(kind, str) else ' or '.join(kind)}",
    "minimum": lambda limit: f"must be at least {limit}",
    "maximum": lambda limit: f"must be at most {limit}",
    "minLength": lambda limit: f"must have at least {limit} characters",
    "maxLength": lambda limit: f"must have at most {limit} characters",
    "minItems": lambda limit: f"must have at least {limit} items",
    "maxItems": lambda limit: f"must have at most {limit} items",
    "minProperties": lambda limit: f"must have at least {limit} keys",
    "maxProperties": lambda limit: f"must have at most {limit} keys",
}


def mistakes(body: Object) -> list[Mistake]:
    """What the API server would refuse of a new store. Rules are asked where the schema finds nothing, as it does."""
    filled = body | {"spec": with_defaults(body["spec"])}
    by_schema, by_rules = _validators()
    return _found(by_schema, filled) or _found(by_rules, filled)


def _found(validator: Validator, body: Object) -> list[Mistake]:
    return [_mistake(each) for each in validator.iter_errors(body)]


def _mistake(error: ValidationError) -> Mistake:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in error.absolute_path)
    keyword = str(error.validator)
    demand = _DEMANDS[keyword](error.validator_value) if keyword in _DEMANDS else error.message
    return Mistake(path.removeprefix("."), keyword, demand)


@cache
def _validators() -> tuple[Validator, Validator]:
    schema = _as_json_schema(definition())
    schema["properties"]["metadata"] = _METADATA
    keywords = {
        "pattern": _pattern,
        "required": _required,
        "additionalProperties": _additional,
        "x-kubernetes-list-map-keys": _same_keys,
    }
    by_schema = extend(Draft202012Validator, keywords)  # type: ignore[no-untyped-call]
    by_rules = extend(by_schema, {"x-kubernetes-validations": _rules})  # type: ignore[no-untyped-call]
    return by_schema(schema), by_rules(schema)


def _as_json_schema(schema: Mapping[str, Any]) -> Schema:
    made = {name: value for name, value in schema.items() if name in _KEPT}
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    if "properties" in schema:  # what is not there is an unknown field
        properties = {name: _as_json_schema(each) for name, each in schema["properties"].items()}
        made |= {"properties": properties, "additionalProperties": False}
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            made[keyword] = _as_json_schema(schema[keyword])
    return made


def _pattern(_: Validator, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError("")


def _required(_: Validator, names: Sequence[str], value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        yield from (ValidationError("required", path=[name]) for name in names if name not in value)


def _additional(validator: Any, others: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    names = [name for name in value if name not in schema.get("properties", {})] if isinstance(value, dict) else []
    for name in names:
        if others is False:
            yield ValidationError("unknown field", path=[name])
        else:
            yield from validator.descend(value[name], others, path=name)


def _same_keys(_: Validator, names: Sequence[str], items: Any, __: Any) -> Iterator[ValidationError]:
    seen: list[Any] = []
    for number, item in enumerate(items if isinstance(items, list) else ()):
        key = [item.get(name) for name in names] if isinstance(item, dict) else item
        if key in seen:
            yield ValidationError(f"has the same {' and '.join(names)} as one before it", path=[number])
        seen.append(key)


def _rules(_: Validator, rules: Iterable[Mapping[str, str]], value: Any, __: Any) -> Iterator[ValidationError]:
    known = json_to_cel(value)
    for rule in rules:
        if "oldSelf" in rule["rule"]:  # it is about a change, and there is none
            continue
        try:
            if not _program(rule["rule"]).evaluate({"self": known}):
                yield ValidationError(_message(rule, known))
        except CELEvalError:
            yield ValidationError(f"can't be judged by the rule {rule['rule']}")


def _message(rule: Mapping[str, str], value: Any) -> str:
    if "messageExpression" in rule:
        try:
            return str(_program(rule["messageExpression"]).evaluate({"self": value}))
        except CELEvalError:
            pass
    return rule.get("message", f"failed rule: {rule['rule']}").strip()


@cache
def _program(text: str) -> celpy.Runner:
    environment = celpy.Environment()
    # of Kubernetes' own functions the one that the definition uses
    return environment.program(environment.compile(text), functions={"sum": lambda numbers: IntType(sum(numbers))})
