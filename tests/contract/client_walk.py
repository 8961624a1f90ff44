"""agno's own AgentOSClient walks its session methods, run by the Python of .venv-agentos.

Takes the URL of a server, prints what the client understood of each answer as JSON lines: name, then value or error.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from agno.client import AgentOSClient
from agno.db.base import SessionType

AGENT, TEAM, WORKFLOW = SessionType.AGENT, SessionType.TEAM, SessionType.WORKFLOW


def plain(value: Any) -> Any:
    """Models of the client as JSON."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def steps(client: AgentOSClient) -> list[tuple[str, Callable[[], Any]]]:
    """Every session method of the client, with and without its options."""
    made: dict[str, Any] = {
        "session_id": "made",
        "user_id": "dave",
        "session_name": "Made",
        "agent_id": "support-agent",
    }
    return [
        ("list", lambda: client.get_sessions(limit=100)),
        ("list of a team", lambda: client.get_sessions(TEAM, "research-team", user_id="alice", sort_order="asc")),
        ("second page by name", lambda: client.get_sessions(session_name="e", limit=2, page=2, sort_by="session_id")),
        ("agent", lambda: client.get_session("a-weather")),
        ("team", lambda: client.get_session("t-research", TEAM, db_id="main")),
        ("workflow", lambda: client.get_session("w-report", WORKFLOW, user_id="bob")),
        ("nobody's", lambda: client.get_session("a-anon", user_id="alice")),
        ("runs of an agent", lambda: client.get_session_runs("a-statuses", status=["completed", "ERROR"])),
        ("runs of a team", lambda: client.get_session_runs("t-research", created_after=1760000000)),
        ("runs of a workflow", lambda: client.get_session_runs("w-report")),
        ("previews", lambda: client.aget_session_run_previews("t-research")),
        ("previews, blocking", lambda: asyncio.to_thread(client.get_session_run_previews, "w-report")),
        ("a run of an agent", lambda: client.get_session_run("a-media", "run-m1")),
        ("a run of a team", lambda: client.get_session_run("t-research", "run-t1")),
        ("a run of a workflow", lambda: client.get_session_run("w-report", "run-wf1")),
        ("no such run", lambda: client.get_session_run("w-report", "nope")),
        ("create", lambda: client.create_session(session_state={"k": [1, None]}, metadata={"m": 1}, **made)),
        ("create again", lambda: client.create_session(**made)),
        ("create a team's", lambda: client.create_session(TEAM, session_id="made-t", team_id="research-team")),
        ("create unnamed", lambda: client.create_session(WORKFLOW, workflow_id="report-flow")),
        ("rename", lambda: client.rename_session("made", "Renamed", AGENT)),
        ("rename nothing", lambda: client.rename_session("nope", "Renamed")),
        ("update", lambda: client.update_session("made", session_name="Twice", session_state={"s": 1}, metadata={})),
        ("update the summary", lambda: client.update_session("a-weather", summary={"summary": "s", "topics": ["t"]})),
        ("made", lambda: client.get_session("made")),
        ("delete", lambda: client.delete_session("made", user_id="dave")),
        ("delete several", lambda: client.delete_sessions(["made-t", "a-weather", "nope"], [TEAM, AGENT, AGENT])),
        ("deleted", lambda: client.get_session("a-weather")),
        ("list afterwards", lambda: client.get_sessions(limit=100)),
    ]


async def outcome(step: Callable[[], Awaitable[Any]]) -> Any:
    """What the client made of an answer, or the status of the error that it raised."""
    try:
        return plain(await step())
    except httpx.HTTPStatusError as error:
        return {"error": error.response.status_code, "body": error.response.json()}
    except Exception as error:  # the client wraps some errors in its own
        return {"error": type(error).__name__, "text": str(error)}


async def walk(url: str) -> None:
    """Take the steps in order and print each."""
    for name, step in steps(AgentOSClient(url)):
        print(json.dumps([name, await outcome(step)]))


if __name__ == "__main__":
    asyncio.run(walk(sys.argv[1]))
