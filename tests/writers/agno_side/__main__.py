"""Sessions of agents, teams and workflows written, gone on with and served by a release of agno.

Run by the Python of that release. Reads one JSON object from stdin: `write` writes the sessions into `dsn`; `go_on`
has a run more in each of its sessions there and `confirm` continues one that waits; `serve` serves AgentOS for each of
its `[dsn, port]` until it is killed. Prints one JSON value.
"""

import asyncio
import json
import sys
from typing import Any

import components
from agno.db.base import SessionType
from agno.db.postgres import PostgresDb
from agno.media import Audio, File, Image, Video
from model import PIXEL

USER = "ada"
OF_TYPES = {"agent": "planner", "team": "travel", "workflow": "report"}
QUESTION = "What did I say?"
MEDIA = {
    "images": [
        Image(id="given", content=PIXEL, mime_type="image/png", detail="low"),
        Image(id="linked", url="https://example.org/a.png", alt_text="a"),
    ],
    "audio": [Audio(id="heard", content=b"RIFF\x00", mime_type="audio/wav", transcript="hm", duration=1.5)],
    "videos": [Video(id="watched", url="https://example.org/v.mp4", width=640, height=480, fps=24.0)],
    "files": [File(id="read", content=b"a,b\n1,2\n", mime_type="text/csv", filename="a.csv")],
}
WEATHER = 'call weather {"city": "Vienna"}'


def delegate(member: str, task: str) -> str:
    """What has a team give a task to one of its members."""
    return f"call delegate_task_to_member {json.dumps({'member_id': member, 'task': task})}"


# component, session, what it is asked, and with what
RUNS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("planner", "agent-talk", "How do I get to Vienna?", {}),
    ("planner", "agent-talk", WEATHER, {}),
    ("planner", "agent-talk", QUESTION, {}),
    ("planner", "agent-media", "Look at these", MEDIA),
    ("planner", "agent-media", 'call photograph {"of": "a train"}', {}),
    ("planner", "agent-media", "draw a dot", {}),
    ("planner", "agent-paused", 'call book {"seats": 2}', {}),
    ("planner", "agent-cancelled", "First a good one", {}),
    ("planner", "agent-cancelled", "cancel this", {}),
    ("planner", "agent-broken", "call break_down {}", {}),
    ("planner", "agent-broken", "fail now", {}),
    ("structured", "agent-structured", "Where is it nice?", {}),
    ("structured", "agent-parts", [{"role": "user", "content": "In parts"}], {}),
    ("travel", "team-talk", "Hello, team", {}),
    ("travel", "team-talk", delegate("guide", WEATHER), {}),
    ("travel", "team-nested", delegate("hotels", delegate("finder", WEATHER)), {}),
    ("travel", "team-media", "Look at these", MEDIA),
    ("travel", "team-paused", 'call book {"seats": 3}', {}),
    ("travel", "team-cancelled", "cancel this", {}),
    ("report", "workflow-talk", "Weekly report", {}),
    ("report", "workflow-talk", {"topic": "trains", "pages": 2}, {}),
    ("report", "workflow-tool", WEATHER, {}),
    ("report", "workflow-media", "With media", {"images": MEDIA["images"], "audio": MEDIA["audio"]}),
    ("report", "workflow-cancelled", "cancel this", {}),
    ("booking", "workflow-paused", "Book it", {}),
]


def write(db: PostgresDb) -> dict[str, list[str]]:
    """The status of each run, by session; or how it failed, where this release lets that out."""
    told: dict[str, list[str]] = {}
    made = {name: make(db) for name, make in components.OF_SESSIONS.items()}
    for name, session_id, question, words in RUNS:
        try:
            status = made[name].run(question, session_id=session_id, user_id=USER, **words).status
        except Exception as error:
            told.setdefault(session_id, []).append(repr(error))
        else:
            told.setdefault(session_id, []).append(status.value)
    return told


def go_on(db: PostgresDb, sessions: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Of each session, by its type: what agno reads, and what its model sees in one run more.

    A workflow has no model of its own: `seen` is empty.
    """
    told = {}
    for session_id, kind in sessions.items():
        read = db.get_session(session_id, SessionType(kind), user_id=USER)
        component = components.OF_SESSIONS[OF_TYPES[kind]](db)
        output = component.run(QUESTION, session_id=session_id, user_id=USER)
        assert output.status.value == "COMPLETED", f"{session_id}: {output.status}"
        seen = getattr(getattr(component, "model", None), "seen", [])
        told[session_id] = {"read": read.to_dict(), "seen": seen, "run_id": output.run_id}
    return told


def confirm(db: PostgresDb, session_id: str) -> str:
    """The status of the session's paused run, once a person has said yes."""
    planner = components.planner(db)
    run = db.get_session(session_id, SessionType.AGENT, user_id=USER).runs[-1]
    words = {"run_id": run.run_id, "session_id": session_id, "user_id": USER}
    if getattr(run, "requirements", None):
        for requirement in run.requirements:
            requirement.confirm()
        words["requirements"] = run.requirements
    else:  # 2.0
        for tool in run.tools:
            tool.confirmed = True
        words["updated_tools"] = run.tools
    return planner.continue_run(**words).status.value


async def serve(servers: list[tuple[str, int]]) -> None:
    """AgentOS over each database, until it is killed."""
    import uvicorn
    from agno.os import AgentOS

    running = []
    for dsn, port in servers:
        db = database(dsn)
        app = AgentOS(id="my-os", telemetry=False, workflows=[components.booking(db)]).get_app()
        running.append(uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve())
    await asyncio.gather(*running)


def database(dsn: str) -> PostgresDb:
    """The database as agno reaches it."""
    return PostgresDb(id="main", db_url=dsn.replace("postgresql://", "postgresql+psycopg://", 1), db_schema="ai")


def main(order: dict[str, Any]) -> None:
    """Do what was asked for."""
    match order:
        case {"write": _, "dsn": dsn}:
            print(json.dumps(write(database(dsn))))
        case {"go_on": sessions, "confirm": paused, "dsn": dsn}:
            db = database(dsn)
            print(json.dumps([go_on(db, sessions), confirm(db, paused)]))
        case {"serve": servers}:
            asyncio.run(serve(servers))
        case _:
            raise ValueError(order)


main(json.load(sys.stdin))
