"""What an earlier pass left in the status. Others may write there too, so nothing of it is believed unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from session_operator.reasons import CONDITIONS

_STATUSES = ("True", "False", "Unknown")


def remembered(status: Any) -> dict[str, Any]:
    """The parts of a status that have the form in which a pass writes them; an empty one for what is no status.

    Conditions come in the order of `CONDITIONS`, one of each type at the most.
    """
    if not isinstance(status, dict):
        return {}
    kept = {name: value for name, value in status.items() if (is_so := _FORMS.get(name)) and is_so(value)}
    conditions = {each["type"]: each for each in _conditions(status.get("conditions"))}
    if conditions:
        kept["conditions"] = [conditions[kind] for kind in CONDITIONS if kind in conditions]
    return kept


def _conditions(found: Any) -> Iterator[Mapping[str, Any]]:
    return filter(_is_condition, found if isinstance(found, list) else ())


def _is_condition(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and _has_texts(found, "type", "status", "reason", "message", "lastTransitionTime")
        and found["type"] in CONDITIONS
        and found["status"] in _STATUSES
        and _is_number(found.get("observedGeneration"))
        and _is_time(found["lastTransitionTime"])
    )


def _has_texts(found: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(found.get(name), str) for name in names)


def _is_number(found: Any) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _is_text(found: Any) -> bool:
    return isinstance(found, str)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _are_databases(found: Any) -> bool:
    return isinstance(found, list) and all(
        isinstance(each, dict) and _has_texts(each, "id", "source", "state", *each) for each in found
    )


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "observedGeneration": _is_number,
    "databases": _are_databases,
    "availableDatabases": _is_text,
    "replicas": _is_number,
    "readyReplicas": _is_number,
    "selector": _is_text,
    "endpoint": _is_text,
    "dsnMap": _is_text,
}
"""The fields of a status beside its conditions, and what each must be."""
