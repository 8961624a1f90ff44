"""Every environment variable of the service, in one typed table (docs/reference/environment.md is held to it)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from session_service.database.dsn_map import BadDsnMap, DsnMap
from session_service.http.auth import AuthSettings
from session_service.http.cors import DEFAULT_ORIGINS

DSN_VARIABLES = ("AGNO_SESSION_DSN_MAP", "AGNO_SESSION_DSN_MAP_FILE", "AGNO_PG_DSN", "DATABASE_URL")


class BadSetting(ValueError):
    """A variable can't be used. The message names it and says what to write; it never repeats a secret."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: how its text is read, and what stands if it is unset or empty."""

    name: str
    read: Callable[[str], Any]
    default: Any
    meaning: str


def _flag(value: str) -> bool:
    if value.lower() in {"true", "1", "yes", "on"}:
        return True
    if value.lower() in {"false", "0", "no", "off"}:
        return False
    raise ValueError("write true or false")


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65535:
        raise ValueError("write a port number from 0 to 65535")
    return int(value)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise ValueError("write a number of seconds, 0 or more")
    return seconds


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


VARIABLES = (
    Variable("AGNO_SESSION_DSN_MAP", str, None, "The DSN map as JSON text."),
    Variable("AGNO_SESSION_DSN_MAP_FILE", Path, None, "A file that holds the DSN map; read anew when it changes."),
    Variable("AGNO_PG_DSN", str, None, "The DSN of one database, whose id is `default`."),
    Variable("DATABASE_URL", str, None, "The same, where the variables above are unset."),
    Variable("AGNO_DEFAULT_DB_ID", str, None, "The database that answers without `db_id`; else the first of the map."),
    Variable(
        "AGNO_REQUIRE_DB_ID", _flag, False, "Answer 400 without `db_id` where there are several, as AgentOS does."
    ),
    Variable("AGNO_SERVICE_HOST", str, "127.0.0.1", "The address to listen on; the images set 0.0.0.0."),
    Variable("AGNO_SERVICE_PORT", _port, 8080, "The port to listen on."),
    Variable("AGNO_REQUEST_TIMEOUT_SECONDS", _seconds, 60.0, "How long a request may take; 0 for as long as it likes."),
    Variable("AGNO_STARTUP_GRACE_SECONDS", _seconds, 10.0, "How long start-up waits for a database out of reach."),
    Variable("AGNO_DRAIN_SECONDS", _seconds, 5.0, "How long requests are still taken after SIGTERM, while not ready."),
    Variable("AGNO_SHUTDOWN_SECONDS", _seconds, 15.0, "How long requests may then take to end."),
    Variable("AGNO_TERMINATION_LOG", Path, Path("/dev/termination-log"), "Where a pod says why it won't start."),
    Variable("AGNO_CORS_ORIGINS", _words, DEFAULT_ORIGINS, "Origins, by comma, whose browsers may read answers."),
    Variable("OS_SECURITY_KEY", str, None, "The one key that callers present, as AgentOS has it."),
    Variable("AGNO_AUTHORIZATION", _flag, False, "Enforce the scopes of tokens."),
    Variable("JWT_VERIFICATION_KEY", str, None, "The key, or PEM public key, that verifies tokens."),
    Variable(
        "JWT_JWKS_FILE", Path, None, "A file of public keys (JWKS) that verify tokens; read anew when it changes."
    ),
    Variable("AGNO_JWT_ALGORITHM", str, "RS256", "The one algorithm that tokens may be signed with."),
    Variable("AGNO_JWT_VERIFY_AUDIENCE", _flag, False, "Refuse tokens that are not for AGNO_JWT_AUDIENCE."),
    Variable("AGNO_JWT_AUDIENCE", _words, (), "Audiences, by comma, that tokens may be for; else AGNO_OS_ID."),
    Variable("AGNO_JWT_ISSUER", str, None, "The issuer that tokens must name."),
    Variable("AGNO_JWT_ADMIN_SCOPE", str, "agent_os:admin", "The scope that grants everything."),
    Variable("AGNO_OS_ID", str, None, "The id of the AgentOS that this service stands in for."),
    Variable("AGNO_USER_ISOLATION", _flag, False, "Show callers with a token their own sessions only."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service runs with. Nothing secret shows in its repr."""

    databases: DsnMap = field(repr=False)
    databases_file: Path | None
    default_db_id: str | None
    require_db_id: bool
    host: str
    port: int
    request_timeout: float | None
    startup_grace: float
    drain: float
    shutdown: float
    termination_log: Path
    cors_origins: frozenset[str]
    auth: AuthSettings

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment. Raises `BadSetting`, with one line that says what to write."""
        value = {variable.name: _read(variable, environment) for variable in VARIABLES}
        key, os_id = value["JWT_VERIFICATION_KEY"], value["AGNO_OS_ID"]
        return cls(
            databases=_databases(value),
            databases_file=None if value["AGNO_SESSION_DSN_MAP"] else value["AGNO_SESSION_DSN_MAP_FILE"],
            default_db_id=value["AGNO_DEFAULT_DB_ID"],
            require_db_id=value["AGNO_REQUIRE_DB_ID"],
            host=value["AGNO_SERVICE_HOST"],
            port=value["AGNO_SERVICE_PORT"],
            request_timeout=value["AGNO_REQUEST_TIMEOUT_SECONDS"] or None,
            startup_grace=value["AGNO_STARTUP_GRACE_SECONDS"],
            drain=value["AGNO_DRAIN_SECONDS"],
            shutdown=value["AGNO_SHUTDOWN_SECONDS"],
            termination_log=value["AGNO_TERMINATION_LOG"],
            cors_origins=frozenset(value["AGNO_CORS_ORIGINS"]),
            auth=AuthSettings(
                security_key=value["OS_SECURITY_KEY"],
                authorization=value["AGNO_AUTHORIZATION"],
                verification_keys=() if key is None else (key,),
                jwks_file=value["JWT_JWKS_FILE"],
                algorithm=value["AGNO_JWT_ALGORITHM"],
                verify_audience=value["AGNO_JWT_VERIFY_AUDIENCE"],
                audience=value["AGNO_JWT_AUDIENCE"] or (() if os_id is None else (os_id,)),
                issuer=value["AGNO_JWT_ISSUER"],
                admin_scope=value["AGNO_JWT_ADMIN_SCOPE"],
                user_isolation=value["AGNO_USER_ISOLATION"],
            ),
        )

    @property
    def warnings(self) -> list[str]:
        """What we start with all the same, and what is worth a second look."""
        found = [
            f"database {id!r} can't be reached: its DSN is malformed: {source.dsn.problem}"
            for id, sources in self.databases.sources.items()
            for source in sources
            if source.dsn.problem is not None
        ]
        loopback = self.host in {"127.0.0.1", "::1", "localhost"}
        if not loopback and not self.auth.uses_tokens and not self.auth.security_key:
            found.append(
                "everybody who reaches this port may read and delete all sessions: set OS_SECURITY_KEY or JWT_…"
            )
        if self.auth.uses_tokens and not self.auth.user_isolation:
            found.append(
                "a valid token opens everybody's sessions: AGNO_USER_ISOLATION=true shows callers their own only"
            )
        return found


def _read(variable: Variable, environment: Mapping[str, str]) -> Any:
    text = environment.get(variable.name, "")
    if not text:
        return variable.default
    try:
        return variable.read(text)
    except ValueError as error:
        raise BadSetting(f"{variable.name}: {error}") from None


def _databases(value: Mapping[str, Any]) -> DsnMap:
    default = value["AGNO_DEFAULT_DB_ID"]
    given = next((name for name in DSN_VARIABLES if value[name] is not None), None)
    if given is None:
        raise BadSetting(f"no database: set {', '.join(DSN_VARIABLES[:-1])} or {DSN_VARIABLES[-1]}, or give --embedded")
    try:
        if given == "AGNO_SESSION_DSN_MAP":
            return DsnMap.parse(value[given], default)
        if given == "AGNO_SESSION_DSN_MAP_FILE":
            return DsnMap.load(value[given], default)
        return DsnMap.of_one(value[given], default)
    except BadDsnMap as error:
        raise BadSetting(f"{given}: {error}") from None
