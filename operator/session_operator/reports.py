"""What pods report about the databases of a store. Pods are not trusted: these types bound what a report can say."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from session_operator.printable import word

LONGEST_ANSWER = 64 * 1024
"""Bytes. The service sends about 100 for each database."""
_GRAVITY = ("Serving", "Untried", "Unreachable", "Refused")


@dataclass(frozen=True, slots=True)
class Report:
    """A pod's report on one database: Serving, Untried, Unreachable or Refused, and a reason of one word."""

    state: str
    reason: str = ""


def reports(answer: str | bytes, databases: Collection[str]) -> Mapping[str, Report]:
    """The reports in an answer of /healthz/ready or a termination message. Only these databases may be reported."""
    return {
        item["id"]: Report(item["state"].capitalize(), word(item.get("reason")))
        for item in _items(answer)
        if isinstance(item, dict)
        and isinstance(item.get("id"), str)
        and item["id"] in databases
        and isinstance(item.get("state"), str)
        and item["state"].capitalize() in _GRAVITY
    }


def keyless(answer: bytes) -> bool:
    """Whether a pod reports that it has no keys to verify tokens with."""
    keys = _body(answer).get("keys")
    return isinstance(keys, dict) and keys.get("state") == "missing"


def worst(of_pods: Iterable[Mapping[str, Report]]) -> Mapping[str, Report]:
    """The worst report on each database."""
    found: dict[str, Report] = {}
    for pod in of_pods:
        for database, report in pod.items():
            known = found.get(database)
            if known is None or _rank(report) > _rank(known):
                found[database] = report
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


def _rank(report: Report) -> tuple[int, str]:
    return _GRAVITY.index(report.state), report.reason
