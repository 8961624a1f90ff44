"""How pods see the databases of a store. A pod's word is not trusted: what it can say is bounded by these types."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from session_operator.printable import word

LONGEST_ANSWER = 64 * 1024
"""Bytes. The service says some 100 of each database."""
_GRAVITY = ("Serving", "Untried", "Unreachable", "Refused")


@dataclass(frozen=True, slots=True)
class Sight:
    """A database as a pod sees it: Serving, Untried, Unreachable or Refused, and the pod's one word why."""

    state: str
    reason: str = ""


def sights(answer: str | bytes, databases: Collection[str]) -> Mapping[str, Sight]:
    """What an answer of /healthz/ready, or a termination message, tells of these databases; of others it may not."""
    return {
        item["id"]: Sight(item["state"].capitalize(), word(item.get("reason")))
        for item in _items(answer)
        if isinstance(item, dict)
        and isinstance(item.get("id"), str)
        and item["id"] in databases
        and isinstance(item.get("state"), str)
        and item["state"].capitalize() in _GRAVITY
    }


def keyless(answer: bytes) -> bool:
    """Whether a pod says that it has no keys to verify tokens with."""
    keys = _body(answer).get("keys")
    return isinstance(keys, dict) and keys.get("state") == "missing"


def worst(reports: Iterable[Mapping[str, Sight]]) -> Mapping[str, Sight]:
    """Each database as the pod sees it that sees it worst."""
    found: dict[str, Sight] = {}
    for report in reports:
        for database, sight in report.items():
            known = found.get(database)
            if known is None or _rank(sight) > _rank(known):
                found[database] = sight
    return found


def _items(answer: str | bytes) -> list[Any]:
    items = _body(answer).get("databases")
    return items if isinstance(items, list) else []


def _body(answer: str | bytes) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        return {}
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _rank(sight: Sight) -> tuple[int, str]:
    return _GRAVITY.index(sight.state), sight.reason
