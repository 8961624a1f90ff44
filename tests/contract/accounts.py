"""AgentOS and the service over one table of service accounts, each with rows of sessions of its own."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .exchange import Request
from .postgres import Postgres
from .servers import (
    MODES,
    SECURITY_KEY,
    SERVICE,
    Server,
    agentos_process,
    environment,
    free_port,
    wait_for,
)

# by name: the mode of contract/servers.py. Failed attempts are counted in a process and a server of their own.
SERVERS = {"open": "open", "key": "key", "jwt": "jwt", "jwt_isolated": "jwt_isolated", "attacked": "key"}
OWNERS = {"a-weather": "sa:reader", "a-sdk": "sa:writer", "t-research": "sa:admin"}
ROOT_KEY = {"Authorization": f"Bearer {SECURITY_KEY}"}
SCOPES = {
    "reader": ["sessions:read"],
    "wildcard": ["sessions:*:read"],
    "other": ["agents:run", "sessions:a-weather:read", "session:read", "sessions:write:x"],
    "writer": ["sessions:read", "sessions:write", "sessions:delete"],
    "admin": ["agent_os:admin"],
    "default": None,
    "expired": ["sessions:read"],
    "never-expires": ["sessions:read"],
    "revoked": ["sessions:read"],
}


@dataclass(frozen=True)
class Accounts:
    """Both, by the names of SERVERS, and the tokens that AgentOS minted, by the names of SCOPES."""

    agentos: dict[str, Server]
    service: dict[str, Server]
    tokens: dict[str, str]

    def minted(self, name: str, scopes: list[str] | None, **more: Any) -> dict[str, Any]:
        """A new account, as AgentOS answers it."""
        wanted = {} if scopes is None else {"scopes": [{"scope": scope} for scope in scopes]}
        body = {"name": name, "allow_privileged_scopes": True, **wanted, **more}
        answer = Request("POST", "/service-accounts", ROOT_KEY, json=body).send(self.agentos["key"].port)
        assert answer.status == 201, answer
        return answer.body

    def revoke(self, id: str) -> None:
        """Revoke an account, as AgentOS does it."""
        answer = Request("DELETE", f"/service-accounts/{id}", ROOT_KEY).send(self.agentos["key"].port)
        assert answer.status == 204, answer

    def rows(self, statement: str, *values: Any) -> list[list[Any]]:
        """The rows of a statement in the database of the accounts."""
        return self.agentos["key"].database.run(statement, *values)


@contextmanager
def accounts(postgres: Postgres, logs: Path) -> Iterator[Accounts]:
    """Both serve in every mode, and every account of SCOPES is there."""
    theirs, ours = (postgres.create(f"accounts_{name}", "v3") for name in ("agentos", "service"))
    for database in (theirs, ours):
        for session_id, owner in OWNERS.items():
            for table in ("ai.agno_sessions", 'pristine."ai.agno_sessions"'):
                database.run(f"UPDATE {table} SET user_id = %s WHERE session_id = %s", owner, session_id)
    agentos = {name: Server(free_port(), theirs) for name in SERVERS}
    service = {name: Server(free_port(), ours) for name in SERVERS}
    plan = [
        {"mode": mode, "dsn": theirs.dsn, "port": agentos[name].port, "accounts": True}
        for name, mode in SERVERS.items()
    ]
    found = Accounts(agentos, service, {})
    databases = json.dumps({"main": ours.dsn, "accounts": theirs.dsn})
    with agentos_process(plan, logs / "agentos.log"), ExitStack() as services:
        for name, mode in SERVERS.items():
            settings = MODES[mode] | {"AGNO_SESSION_DSN_MAP": databases, "AGNO_SERVICE_ACCOUNTS_DB_ID": "accounts"}
            services.enter_context(running(service[name].port, settings, logs / f"{name}.log"))
        for name, scopes in SCOPES.items():
            account = found.minted(name, scopes, never_expires=name == "never-expires")
            found.tokens[name] = account["token"]
            if name == "revoked":
                found.revoke(account["id"])
        found.rows("UPDATE ai.agno_service_accounts SET expires_at = created_at - 1 WHERE name = 'expired'")
        yield found


@contextmanager
def running(port: int, settings: dict[str, str], log: Path) -> Iterator[None]:
    """The service as it is installed, which knows at once what was revoked."""
    more = {"AGNO_SERVICE_PORT": str(port), "AGNO_ADMIN_PORT": "off", "AGNO_DRAIN_SECONDS": "0"}
    more["AGNO_SERVICE_ACCOUNTS_CACHE_SECONDS"] = "0"
    with log.open("wb") as output:
        process = subprocess.Popen([SERVICE, "serve"], stdout=output, stderr=output, env=environment(settings | more))
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
