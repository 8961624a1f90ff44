"""Sessions that a release of agno wrote, the service changed, and that release went on with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.contract.exchange import Request
from tests.service.agno import Agno

from . import releases

NAME = "As the “service” has it ☕"
STATE = {"from": "the service", "ünï": [1, None, "☕"]}
METADATA = {"ticket": 42}
SUMMARY = {"summary": "As the service has it", "topics": ["trains"]}
COMPONENTS = {"agent": "planner", "team": "travel", "workflow": "report"}
# the sessions that it imports once more, renames and patches, by type
ORIGINAL = {"agent": "agent-talk", "team": "team-nested", "workflow": "workflow-tool"}
RENAMED = {"agent": "agent-cancelled", "team": "team-talk", "workflow": "workflow-talk"}
PATCHED = {"agent": "agent-media", "team": "team-media", "workflow": "workflow-media"}
Sessions = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Story:
    """The sessions before the service changed some, after that, and after one run more in each of those.

    `told` is what agno read of these, and what its model saw; `confirmed` how the run ended that waited for a person.
    """

    before: Sessions
    changed: Sessions
    after: Sessions
    told: Sessions
    confirmed: str


def happened(release: str, agno: Agno, port: int, db_id: str) -> Story:
    """Let it happen in this database, which the service on the port has as `db_id`."""
    before = rows(agno)
    types = change(before, port, db_id)
    changed = rows(agno)
    told, confirmed = releases.ask(release, go_on=types, confirm="agent-paused", dsn=agno.server.uri(agno.name))
    return Story(before, changed, rows(agno), told, confirmed)


def rows(agno: Agno) -> Sessions:
    """Each session with its `runs`, by id."""
    found = {row["session_id"]: row for (row,) in agno.run("SELECT to_jsonb(s) FROM ai.agno_sessions s")}
    for row in found.values():
        if "runs" not in row:
            query = "SELECT run_data FROM ai.agno_runs WHERE session_id = %s ORDER BY run_index"
            row["runs"] = [run for (run,) in agno.run(query, row["session_id"])]
        row["runs"] = row["runs"] or []
    return found


def with_other_ids(runs: list[Any]) -> list[Any]:
    """The runs as another session may have them: an id of a run is there once in a database."""
    text = json.dumps(runs)
    for run in runs:
        text = text.replace(run["run_id"], f"{run['run_id']}-again")
    return json.loads(text)


def change(before: Sessions, port: int, db_id: str) -> dict[str, str]:
    """Create, import, rename and patch, by the service; the types of all these sessions, and of those imported."""
    types = {}

    def send(method: str, session_id: str, path: str, body: dict[str, Any]) -> None:
        answer = Request(method, f"/sessions{path}?type={kind}&db_id={db_id}", json=body).send(port)
        assert answer.status in (200, 201), answer
        types[session_id] = kind

    for kind, component in COMPONENTS.items():
        changes = {"session_name": NAME, "session_state": STATE, "metadata": METADATA}
        made = changes | {"session_id": f"made-{kind}", "user_id": "ada", f"{kind}_id": component}
        send("POST", f"made-{kind}", "", made)
        runs = with_other_ids(before[ORIGINAL[kind]]["runs"])
        imported = made | {"session_id": f"imported-{kind}", "runs": runs, "summary": SUMMARY}
        send("POST", f"imported-{kind}", "", imported)
        send("POST", RENAMED[kind], f"/{RENAMED[kind]}/rename", {"session_name": NAME})
        send("PATCH", PATCHED[kind], f"/{PATCHED[kind]}", changes | {"summary": SUMMARY})
        types[ORIGINAL[kind]] = kind
    return types
