"""docs/how-to/move-from-the-go-service.md, gone through on a table as that service's chart makes it."""

import subprocess
from pathlib import Path

import aiohttp
import pytest

from session_service.http.operations import OPERATIONS
from tests.docs.console import commands

from .process import COMMAND, environment, serving

PAGE = Path(__file__).parents[2] / "docs/how-to/move-from-the-go-service.md"
# by the migration of the chart's job: ids are text, and no schema is named
TABLE = """
CREATE TABLE agno_sessions (
    session_id TEXT PRIMARY KEY, session_type TEXT NOT NULL,
    agent_id TEXT, team_id TEXT, workflow_id TEXT, user_id TEXT,
    session_data JSONB, agent_data JSONB, team_data JSONB, workflow_data JSONB, metadata JSONB,
    runs JSONB, summary JSONB,
    created_at BIGINT NOT NULL, updated_at BIGINT)"""
QUESTION = {"id": "m-1", "role": "user", "content": "When does it leave?", "created_at": 1_760_000_001}
ANSWER = {"id": "m-2", "role": "assistant", "content": "At nine.", "created_at": 1_760_000_002}
RUN = {
    "run_id": "run-1",
    "agent_id": "planner",
    "status": "COMPLETED",
    "content": "At nine.",
    "input": {"input_content": "When does it leave?"},
    "messages": [QUESTION, ANSWER],
    "created_at": 1_760_000_000,
}
SUMMARY = {"summary": "Trains", "topics": ["trains"]}
AT = {"created_at": "2025-10-09T08:53:20Z", "updated_at": "2025-10-09T08:53:30Z"}
TIMES = {"created_at": 1_760_000_000, "updated_at": 1_760_000_010}


@pytest.fixture
def moved(new_agno):
    """A database of that service: a session of each type, and one with nothing but what it must have."""
    agno = new_agno("empty")
    agno.run(TABLE)

    def add(session_id, session_type, **columns):
        agno.session(session_id, session_type, "public.agno_sessions", **TIMES | columns)

    named = {"session_name": "Trip", "session_state": {"seats": 2}}
    add(
        "agent-1", "agent", agent_id="planner", user_id="ann", session_data=named, metadata={"tier": "gold"}, runs=[RUN]
    )
    add(
        "team-1",
        "team",
        team_id="travel",
        user_id="ann",
        runs=[RUN | {"agent_id": None, "team_id": "travel"}],
        summary=SUMMARY,
    )
    add(
        "workflow-1",
        "workflow",
        workflow_id="report",
        workflow_data={"name": "Report"},
        runs=[{"run_id": "run-2", "workflow_id": "report", "input": "Weekly", "content": "Done"}],
    )
    add("bare", "agent", created_at=1_750_000_000, updated_at=None)
    return agno


def variables(agno):
    """As its Deployment has them, with the parameters of its driver."""
    uri = agno.server.uri(agno.name).replace("postgresql:", "postgres:")
    return {"AGNO_PG_DSN": f"{uri}&sslmode=disable&pool_max_conns=4"}


def test_commands_print_what_the_page_shows(moved):
    found = variables(moved)
    for command in (command for command in commands(PAGE) if command.run):
        program, *words = command.text.split()
        if program == "export":
            found |= [words[0].split("=")]
            continue
        assert program == COMMAND.name
        ended = subprocess.run([COMMAND, *words], capture_output=True, text=True, env=environment(found), check=True)
        assert command.matches(ended.stdout), ended.stdout


def test_table_of_routes_names_those_that_there_are():
    rows = [
        line.split("`")[1]
        for line in PAGE.read_text().partition("## Its routes")[2].partition("\n## ")[0].splitlines()
        if line.startswith("| `")
    ]
    assert len(rows) == 7
    assert {tuple(row.split()) for row in rows} <= set(OPERATIONS)


@pytest.fixture(params=["variable", "search_path"])
def where(request, moved):
    """Both ways to say where the table is."""
    found = variables(moved)
    if request.param == "search_path":
        return {"AGNO_PG_DSN": found["AGNO_PG_DSN"] + "&search_path=public"}
    return found | {"AGNO_SESSION_SCHEMA": "public"}


async def test_each_of_its_routes_answers_what_its_data_says(moved, where):
    async with serving(**where) as service, aiohttp.ClientSession(service.url) as client:

        async def ask(method, path, status=200, **words):
            async with client.request(method, path, **words) as answer:
                assert answer.status == status, await answer.text()
                return await answer.json() if answer.content_type == "application/json" else None

        assert await ask("GET", "/healthz") == {"status": "ok"}
        page = await ask("GET", "/sessions?sort_by=session_id&sort_order=asc")
        assert page["meta"]["total_count"] == 4
        assert page["data"] == [
            {
                "session_id": "agent-1",
                "session_name": "Trip",
                "session_state": {"seats": 2},
                **AT,
                "session_type": "agent",
                "user_id": "ann",
                "agent_id": "planner",
                "metadata": {"tier": "gold"},
            },
            {"session_id": "bare", "session_name": "", "created_at": "2025-06-15T15:06:40Z", "session_type": "agent"},
            {
                "session_id": "team-1",
                "session_name": "When does it leave?",
                **AT,
                "session_type": "team",
                "user_id": "ann",
                "team_id": "travel",
                "session_summary": SUMMARY,
            },
            {
                "session_id": "workflow-1",
                "session_name": "Weekly",
                **AT,
                "session_type": "workflow",
                "workflow_id": "report",
            },
        ]
        for query, ids in {
            "type=team": ["team-1"],
            "component_id=report": ["workflow-1"],
            "user_id=ann&type=agent": ["agent-1"],
            "session_name=tri": ["agent-1"],
            "limit=1&page=2&sort_by=session_id": ["team-1"],
        }.items():
            page = await ask("GET", f"/sessions?{query}")
            assert [row["session_id"] for row in page["data"]] == ids, query
        detail = await ask("GET", "/sessions/agent-1")
        assert (detail["session_name"], detail["session_state"], detail["metadata"]) == (
            "Trip",
            {"seats": 2},
            {"tier": "gold"},
        )
        assert [message["content"] for message in detail["chat_history"]] == ["When does it leave?", "At nine."]
        for id, run_id, content, run_input in (
            ("agent-1", "run-1", "At nine.", "When does it leave?"),
            ("team-1", "run-1", "At nine.", "When does it leave?"),
            ("workflow-1", "run-2", "Done", "Weekly"),
        ):
            [run] = await ask("GET", f"/sessions/{id}/runs")
            assert (run["run_id"], run["content"], run["run_input"]) == (run_id, content, run_input)
        assert await ask("GET", "/sessions/bare/runs") == []

        renamed = await ask("POST", "/sessions/team-1/rename", json={"session_name": "Journey"})
        assert renamed["session_name"] == "Journey"
        new = {
            "session_id": "new",
            "session_name": "New",
            "agent_id": "planner",
            "user_id": "bob",
            "runs": [RUN],
            "summary": SUMMARY,
        }
        assert (await ask("POST", "/sessions", 201, json=new))["session_summary"] == SUMMARY
        await ask("POST", "/sessions", 409, json=new)
        await ask("DELETE", "/sessions/bare", 204)
        await ask("GET", "/sessions/bare", 404)

    row = "SELECT session_data, runs, summary, user_id FROM public.agno_sessions WHERE session_id = %s"
    assert moved.run(row, "new") == [({"session_name": "New"}, [RUN], SUMMARY, "bob")]
    assert moved.run(row, "team-1")[0][0] == {"session_name": "Journey"}
    assert moved.ids("public.agno_sessions") == ["agent-1", "new", "team-1", "workflow-1"]
    assert moved.run(
        "SELECT count(*) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%%' AND schemaname <> 'information_schema'"
    ) == [(1,)]
