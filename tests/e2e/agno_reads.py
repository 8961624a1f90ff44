"""List, read, rename and delete sessions with agno's own client; say what it saw. Run by the Python of .venv-agentos.

The argument is the address of the service. Written: one JSON object.
"""

import asyncio
import json
import sys
from typing import Any

from agno.client import AgentOSClient
from agno.db.base import SessionType

TYPES = {"agent-1": SessionType.AGENT, "team-1": SessionType.TEAM, "workflow-1": SessionType.WORKFLOW}


async def names(client: AgentOSClient) -> dict[str, str]:
    """The names of all listed sessions, by id."""
    listed: dict[str, str] = {}
    for kind in SessionType:
        page = await client.get_sessions(session_type=kind, user_id="ada", db_id="main")
        listed |= {session.session_id: session.session_name for session in page.data}
    return listed


async def see(client: AgentOSClient) -> dict[str, Any]:
    """What a person does with sessions, in order."""
    seen: dict[str, Any] = {"listed": await names(client)}
    detail = await client.get_session("agent-1", session_type=SessionType.AGENT, db_id="main")
    seen["state"] = detail.session_state
    seen["history"] = [message["content"] for message in detail.chat_history or []]
    seen["runs"] = {
        id: [run.content for run in await client.get_session_runs(id, session_type=kind, db_id="main")]
        for id, kind in TYPES.items()
    }
    renamed = await client.rename_session("agent-1", "Vienna", session_type=SessionType.AGENT, db_id="main")
    seen["renamed"] = renamed.session_name
    await client.delete_session("team-1", db_id="main")
    seen["listed afterwards"] = await names(client)
    return seen


print(json.dumps(asyncio.run(see(AgentOSClient(base_url=sys.argv[1])))))
