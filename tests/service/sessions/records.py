"""Rows as the store hands them over, made of plain values; and the cases that say how each is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from session_service.store.records import ListedSession, NameSource, SessionRecord

_JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")
_CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[Any]:
    """The cases of a file, each a test parameter with its own name. Answers not called odd are AgentOS 3.1.10's."""
    return [pytest.param(case, id=case["case"]) for case in json.loads((_CASES / name).read_text())]


def text(value: Any) -> bytes | None:
    """A value as Postgres prints it; null is None."""
    return None if value is None else json.dumps(value, ensure_ascii=False).encode()


def ordered(body: bytes | None) -> str:
    """A body with its keys in their order, blanks aside."""
    return json.dumps(json.loads(body or b"null"))


def record(**columns: Any) -> SessionRecord:
    row = {
        "session_id": "s-1",
        "session_type": "agent",
        "agent_id": None,
        "team_id": None,
        "workflow_id": None,
        "user_id": None,
        "created_at": 1760000000,
        "updated_at": None,
    } | columns
    return SessionRecord(**row | {name: text(row.get(name)) for name in _JSON_COLUMNS})


def listed(name_source: NameSource | None = None, **columns: Any) -> ListedSession:
    row = record(**columns)
    data, agent = (part if isinstance(part, dict) else {} for part in map(columns.get, ("session_data", "agent_data")))
    return ListedSession(
        session_id=row.session_id,
        session_type=row.session_type,
        agent_id=row.agent_id,
        team_id=row.team_id,
        workflow_id=row.workflow_id,
        user_id=row.user_id,
        name=text(data.get("session_name")),
        state=text(data.get("session_state")),
        metrics=text(data.get("session_metrics")),
        summary=row.summary,
        metadata=row.metadata,
        sdk=text(agent.get("sdk")),
        framework=text(agent.get("framework")),
        created_at=row.created_at,
        updated_at=row.updated_at,
        name_source=name_source,
    )
