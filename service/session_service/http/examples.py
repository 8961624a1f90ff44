"""An example of each operation: what is asked, and what the service answers over the sessions of the demo."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its answer.

    path, query: values of parameters by name. body, answer: what is sent and what comes back, None for no body.
    """

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    answer: Any = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of all parameters by name."""
        return self.path | self.query


def examples() -> dict[str, Example]:
    """By the id of the operation."""
    stored = json.loads((files("session_service.http") / "examples.json").read_text())
    return {id: Example(**members) for id, members in stored.items()}
