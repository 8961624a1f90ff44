"""Sessions of every type in agno's tables, whose columns are then given other types, and every route asked of them."""

import json
from typing import Any
from uuid import UUID

from aiohttp.test_utils import TestClient

from tests.service.agno import Agno

IDS = ("session_id", "agent_id", "team_id", "workflow_id", "user_id")
JSON = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary")
TIMES = ("created_at", "updated_at")
TABLES = ("agno_sessions", "agno_runs")


def id_of(number: int) -> str:
    """An id that a uuid can be, too."""
    return str(UUID(int=number << 64 | 0xABC))


AGENT, TEAM, WORKFLOW, UNNAMED, LONG, ABSENT, NEW, IMPORTED = map(id_of, range(1, 9))
RIA, TOM, THE_AGENT, THE_TEAM, THE_FLOW = map(id_of, range(21, 26))


def message(role: str, content: Any) -> dict[str, Any]:
    return {"id": f"m-{role}", "role": role, "content": content, "created_at": 1760000100}


def run(number: int, **members: Any) -> dict[str, Any]:
    return {"run_id": id_of(100 + number), "status": "COMPLETED", "created_at": 1760000000 + number, **members}


SESSIONS: dict[str, dict[str, Any]] = {
    AGENT: {
        "session_type": "agent",
        "agent_id": THE_AGENT,
        "user_id": RIA,
        "session_data": {
            "session_name": "Rain in Séoul",
            "session_state": {"a": 1, "nested": {"z": [1, None]}},
            "session_metrics": {"total_tokens": 7},
        },
        "agent_data": {"sdk": "agno", "name": "Ada"},
        "metadata": {"tag": "wet"},
        "summary": {"summary": "Rain.", "updated_at": "2025-10-09T10:16:40"},
        "updated_at": 1760000500,
    },
    TEAM: {"session_type": "team", "team_id": THE_TEAM, "user_id": TOM, "team_data": {"name": "Crew"}},
    WORKFLOW: {
        "session_type": "workflow",
        "workflow_id": THE_FLOW,
        "user_id": RIA,
        "workflow_data": {"name": "Report"},
        "session_data": {"session_state": {"step": 2}},
        "updated_at": 1760000700,
    },
    UNNAMED: {"session_type": "agent", "agent_id": THE_AGENT, "session_data": None},
    LONG: {
        "session_type": "agent",
        "agent_id": THE_AGENT,
        "user_id": TOM,
        "session_data": {"session_name": "Long", "session_state": {"text": "é" * 5_000}},
        "metadata": {"text": "x" * 10_000},
    },
}
RUNS: dict[str, list[dict[str, Any]]] = {
    AGENT: [
        run(1, agent_id=THE_AGENT, messages=[message("user", "Will it rain?"), message("assistant", "Yes.")]),
        run(2, agent_id=THE_AGENT, parent_run_id=id_of(101), content="inner"),
    ],
    TEAM: [run(3, team_id=THE_TEAM, input={"input_content": "Find a name"}, content={"names": ["A", "B"]})],
    WORKFLOW: [run(4, workflow_id=THE_FLOW, input={"topic": "rain"}, step_results=[{"step": 1}])],
    UNNAMED: [run(5, agent_id=THE_AGENT, messages=[message("user", "What am I called?")])],
    LONG: [run(6, agent_id=THE_AGENT, content="y" * 50_000, messages=[message("user", "z" * 60_000)])],
}


def fill(agno: Agno, layout: str) -> None:
    """Insert the sessions and their runs, where this layout has them: in a half-migrated one the last in the table."""
    for place, (session_id, columns) in enumerate(SESSIONS.items()):
        of_session = RUNS[session_id]
        in_column = {"v3": [], "v2": of_session, "mixed": of_session[:-1]}[layout]
        more = {} if layout == "v3" else {"runs": in_column or None}
        agno.session(session_id, **{"created_at": 1760000000 + place} | columns | more)
        if layout != "v2":
            for index, data in enumerate(of_session):
                if data not in in_column:
                    agno.add_run(session_id, index=index, created=data["created_at"], **data)


def retype(agno: Agno, columns: tuple[str, ...], type: str, using: str = "{0}::text::{1}") -> None:
    """Give the columns of these names another type, in both tables; a domain is made of its definition in brackets."""
    agno.run("ALTER TABLE IF EXISTS ai.agno_runs DROP CONSTRAINT IF EXISTS agno_runs_session_id_fkey")
    found = agno.run(
        """SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'ai' AND table_name = ANY(%s) AND column_name = ANY(%s)""",
        *(list(TABLES), list(columns)),
    )
    for table, column in found:
        agno.run(f"ALTER TABLE ai.{table} ALTER {column} TYPE {type} USING {using.format(column, type)}")


class Routes:
    """Every route, asked one after the other; the answers as they are to be compared."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.answers: dict[str, tuple[int, Any]] = {}

    async def ask(self, method: str, path: str, body: Any = None, *, exact: bool = True) -> None:
        """Note the answer; where it is not `exact`, blanks and the order of keys count for nothing."""
        response = await self._client.request(method, path, json=body)
        text: Any = await response.text()
        if not exact and text:
            text = json.loads(text)
        self.answers[f"{len(self.answers)} {method} {path}"] = response.status, text

    async def read(self) -> None:
        """Every read, with every filter and order that ids and times have."""
        everything = ["/sessions", "/sessions?limit=2&page=2", "/sessions?limit=1000", "/sessions?sort_by=nope"]
        everything += [f"/sessions?type={type}" for type in ("agent", "team", "workflow")]
        everything += [f"/sessions?sort_by={name}&sort_order={order}" for name in (*IDS, *TIMES, "session_type")
                       for order in ("asc", "desc")]  # fmt: skip
        everything += [f"/sessions?component_id={id}" for id in (THE_AGENT, THE_TEAM, THE_FLOW, ABSENT, "no-uuid")]
        everything += [f"/sessions?type=agent&component_id={THE_AGENT}&user_id={RIA}", f"/sessions?user_id={TOM}"]
        everything += ["/sessions?session_name=S%C3%A9oul", "/sessions?session_name=%C3%A9OUL&limit=1"]
        for session_id in (*SESSIONS, ABSENT, "no-uuid", AGENT.upper(), f"{AGENT} "):
            path = f"/sessions/{session_id}"
            everything += [path, f"{path}?user_id={RIA}", f"{path}/runs", f"{path}/run-previews"]
            everything += [f"{path}?type={type}" for type in ("agent", "team", "workflow")]
            everything += [f"{path}/runs/{id_of(100 + number)}" for number in (1, 3, 6)]
        for path in everything:
            await self.ask("GET", path)

    async def write(self) -> None:
        """Every write, and what is read after it."""
        ask = self.ask
        new = {"session_id": NEW, "agent_id": THE_AGENT, "user_id": RIA, "session_state": {"a": 1, "b": {}}}
        await ask("POST", "/sessions?type=agent", new, exact=False)
        await ask("POST", "/sessions?type=agent", new)
        runs = {"runs": [run(50, agent_id=THE_AGENT, content="kept", user_id=RIA)], "summary": {"summary": "Kept."}}
        await ask("POST", "/sessions?type=team", {"session_id": IMPORTED, "team_id": THE_TEAM, **runs}, exact=False)
        await ask("GET", f"/sessions/{IMPORTED}/runs", exact=False)
        for session_id, type in ((AGENT, "agent"), (TEAM, "team"), (WORKFLOW, "workflow"), (ABSENT, "agent")):
            path = f"/sessions/{session_id}"
            await ask("POST", f"{path}/rename?type={type}", {"session_name": "Né"}, exact=False)
            await ask("POST", f"{path}/rename?type=team", {"session_name": "Team"}, exact=False)
            state = {"session_state": {"a": 2}, "metadata": {"m": 1}, "summary": {"summary": "S"}}
            await ask("PATCH", path, state, exact=False)
            await ask("PATCH", f"{path}?user_id={TOM}", {"session_name": "Tom's"}, exact=False)
        await ask("GET", "/sessions?sort_by=updated_at", exact=False)
        await ask("DELETE", f"/sessions/{AGENT}?user_id={TOM}")
        await ask("DELETE", f"/sessions/{AGENT}")
        ids = [TEAM, UNNAMED, "no-uuid"]
        await ask("DELETE", "/sessions", {"session_ids": ids, "session_types": ["agent"] * len(ids)})
        await ask("GET", "/sessions", exact=False)
        await ask("GET", f"/sessions/{AGENT}/runs")
