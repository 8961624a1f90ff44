"""Serve AgentOS itself, run by the Python of .venv-agentos: the reference of the contract test.

Reads from stdin a JSON list of `{"mode", "dsn", "port"}` and serves each on 127.0.0.1, all in one process: importing
agno costs more than serving. `"adapter": "async"` serves through agno's other adapter, `"accounts": true` with service
accounts in the database. With `--uvloop` it runs on
uvloop, as `uvicorn` on the command line does.
"""

import asyncio
import json
import sys
from typing import Any

import uvicorn
import uvloop
from agno.db.postgres import AsyncPostgresDb, PostgresDb
from agno.os import AgentOS
from agno.os.authz import Authorization
from agno.os.settings import AgnoAPISettings
from agno.workflow import Workflow

JWT_KEY = "contract-example-key-that-is-long-enough-0123456789"
SECURITY_KEY = "sk-contract-example"


def databases(mode: str, dsn: str, adapter: str) -> list[PostgresDb | AsyncPostgresDb]:
    """The databases of a mode, in the order in which they are registered."""
    url = dsn.replace("postgresql://", "postgresql+psycopg://", 1)
    if adapter == "async":
        return [AsyncPostgresDb(id="main", db_url=url, db_schema="ai")]
    main = PostgresDb(id="main", db_url=url, db_schema="ai")
    if mode != "multi":
        return [main]
    tables = ("agno_sessions", "sessions_2024")
    return [main, *(PostgresDb(id="archive", db_url=url, db_schema="archive", session_table=t) for t in tables)]


def access(mode: str) -> dict[str, Any]:
    """Who may call: AgentOS' arguments for a mode."""
    jwt: dict[str, Any] = {"verification_keys": [JWT_KEY], "algorithm": "HS256", "verify_audience": False}
    match mode:
        case "open" | "multi":
            return {}
        case "key":
            return {"settings": AgnoAPISettings(os_security_key=SECURITY_KEY)}
        case "jwt":
            return {"authorization": Authorization(**jwt)}
        case "jwt_audience":
            return {"authorization": Authorization(**jwt | {"verify_audience": True})}
        case "jwt_isolated":
            return {"authorization": Authorization(**jwt), "user_isolation": True}
    raise ValueError(mode)


def agent_os(mode: str, dsn: str, adapter: str, *, accounts: bool) -> AgentOS:
    """AgentOS in a mode. Databases come with workflows: those need no model, and no service accounts appear."""
    found = databases(mode, dsn, adapter)
    workflows = [Workflow(name=f"keeper {i}", db=db) for i, db in enumerate(found)]
    return AgentOS(id="my-os", telemetry=False, workflows=workflows, db=found[0] if accounts else None, **access(mode))


async def serve(servers: list[dict[str, Any]]) -> None:
    """Serve until the process is ended."""
    running = []
    for server in servers:
        accounts = server.get("accounts", False)
        app = agent_os(server["mode"], server["dsn"], server.get("adapter", "sync"), accounts=accounts).get_app()
        config = uvicorn.Config(app, host="127.0.0.1", port=server["port"], log_level="warning")
        running.append(uvicorn.Server(config).serve())
    await asyncio.gather(*running)


if __name__ == "__main__":
    run = uvloop.run if "--uvloop" in sys.argv else asyncio.run
    run(serve(json.load(sys.stdin)))
