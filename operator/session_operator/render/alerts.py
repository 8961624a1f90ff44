"""The alerts of the session service, narrowed to one store: alerts.yaml with matchers in every expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from session_operator.resource import Object

_METRIC = re.compile(r"\b(agno_session_\w+)\b(?:\{(?P<matchers>[^}]*)\})?")


def groups(matchers: Mapping[str, str]) -> list[Object]:
    """The groups of rules, restricted to series with these labels."""
    chosen = ", ".join(f'{name}="{value}"' for name, value in matchers.items())

    def narrowed(match: re.Match[str]) -> str:
        return f"{match[1]}{{{', '.join(filter(None, (chosen, match['matchers'])))}}}"

    return [
        group | {"rules": [rule | {"expr": _METRIC.sub(narrowed, rule["expr"])} for rule in group["rules"]]}
        for group in _alerts()
    ]


@cache
def _alerts() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load(files(__package__).joinpath("alerts.yaml").read_text())["groups"])
