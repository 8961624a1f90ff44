"""Demo sessions: agent, team and workflow, with and without a name, each with its runs."""

from __future__ import annotations

import json
import time
from typing import Any

from session_service.sessions.listing import list_row
from session_service.store.listing import SessionQuery
from session_service.store.owner import EVERYBODY
from session_service.store.session_store import SessionStore
from session_service.store.writing import NewSession

_HOUR = 3600


async def load_demo(store: SessionStore, now: int | None = None) -> bool:
    """Fill an empty store with the demo sessions; False, and nothing done, if it holds any session.

    `now`, in unix seconds, is the end of their times. The examples of the API use these sessions.
    """
    await store.create_tables()
    sessions = store.on_behalf_of(EVERYBODY)
    page = await sessions.page(SessionQuery(limit=1), list_row)
    if page is None or page.total:
        return False
    for session in _demo(int(time.time()) if now is None else now):
        await sessions.create(session)
    return True


def _demo(now: int) -> list[NewSession]:
    trip = "Plan three days in Lisbon for two people who love tiles and dislike hills."
    return [
        _session("demo-trip", "agent", "travel-agent", "ada", now - 3 * _HOUR, None, _chat("trip", "agent", trip)),
        _session(
            *("demo-refund", "agent", "support-agent", "grace", now - 2 * _HOUR, "Refund of order 1042"),
            [
                *_chat("refund-1", "agent", "Where is my refund for order 1042?"),
                *_chat("refund-2", "agent", "Thank you. When will it arrive?"),
            ],
        ),
        _session(
            *("demo-market", "team", "research-team", "ada", now - _HOUR, "Home batteries: the market"),
            _chat("market", "team", "Compare the three largest makers of home batteries."),
        ),
        _session(
            *("demo-report", "workflow", "weekly-report", "grace", now - 600, None),
            [_run("report", "workflow", {"input": "Report of week 47", "content": "All services were up."})],
        ),
    ]


def _session(
    id: str, kind: str, component: str, user: str, now: int, name: str | None, runs: list[dict[str, Any]]
) -> NewSession:
    for run in runs:
        run |= {f"{kind}_id": component, "session_id": id, "user_id": user, "created_at": now}
    data = {"session_state": {"demo": True}} | ({} if name is None else {"session_name": name})
    return NewSession(
        session_id=id,
        session_type=kind,
        component_id=component,
        user_id=user,
        session_data=json.dumps(data),
        metadata=None,
        now=now,
        runs=json.dumps(runs),
    )


def _chat(id: str, kind: str, question: str) -> list[dict[str, Any]]:
    answer = f"(a demo answer) You asked: {question}"
    return [
        _run(
            id,
            kind,
            {
                "input": {"input_content": question},
                "content": answer,
                "content_type": "str",
                "messages": [
                    {"id": f"{id}-1", "role": "user", "content": question},
                    {"id": f"{id}-2", "role": "assistant", "content": answer},
                ],
                "metrics": {"input_tokens": 21, "output_tokens": 34, "total_tokens": 55},
            },
        )
    ]


def _run(id: str, kind: str, members: dict[str, Any]) -> dict[str, Any]:
    return {"run_id": f"demo-run-{id}", "status": "COMPLETED"} | members
