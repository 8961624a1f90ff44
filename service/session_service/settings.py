"""The settings of the service, read from environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from session_service.database.dsn_map import ACCOUNTS_VARIABLE, BadDsnMap, DsnFile, DsnMap
from session_service.http.auth import AuthSettings
from session_service.http.remote import Networks
from session_service.http.service_accounts import AccountSettings
from session_service.observability.logs import Format
from session_service.spelling import doubtful
from session_service.variables import DSN_VARIABLES, VARIABLES, BadSetting, read

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the service. Its repr shows no secret."""

    databases: DsnMap = field(repr=False)
    databases_file: DsnFile | None
    require_db_id: bool
    host: str
    port: int
    request_timeout: float | None
    admin_port: int | None
    log_format: Format
    log_level: str
    log_key: str | None = field(repr=False)
    trusted_proxies: Networks
    largest_body: int
    most_connections: int
    most_header_bytes: int
    most_answer_bytes: int
    compress_from: int | None
    startup_grace: float
    drain: float
    shutdown: float
    termination_log: Path
    cors_origins: frozenset[str]
    auth: AuthSettings
    doubtful: tuple[str, ...]

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment. Raises `BadSetting` with one line that says what to write."""
        noticed = doubtful(environment)
        value = {variable.name: read(variable, environment) for variable in VARIABLES}
        key, os_id = _key(value, "JWT_VERIFICATION_KEY"), value["AGNO_OS_ID"]
        verify_audience, audience = value["AGNO_JWT_VERIFY_AUDIENCE"], value["AGNO_JWT_AUDIENCE"]
        databases, file = _databases(value)
        return cls(
            databases=databases,
            databases_file=file,
            require_db_id=value["AGNO_REQUIRE_DB_ID"],
            host=value["AGNO_SERVICE_HOST"],
            port=value["AGNO_SERVICE_PORT"],
            request_timeout=value["AGNO_REQUEST_TIMEOUT_SECONDS"] or None,
            admin_port=value["AGNO_ADMIN_PORT"],
            log_format=value["AGNO_LOG_FORMAT"],
            log_level=value["AGNO_LOG_LEVEL"],
            log_key=value["AGNO_LOG_KEY"],
            trusted_proxies=value["AGNO_TRUSTED_PROXIES"],
            largest_body=value["AGNO_MAX_BODY_BYTES"],
            most_connections=value["AGNO_MAX_CONNECTIONS"],
            most_header_bytes=value["AGNO_MAX_HEADER_BYTES"],
            most_answer_bytes=value["AGNO_MAX_ANSWER_BYTES"],
            compress_from=value["AGNO_COMPRESS_FROM_BYTES"],
            startup_grace=value["AGNO_STARTUP_GRACE_SECONDS"],
            drain=value["AGNO_DRAIN_SECONDS"],
            shutdown=value["AGNO_SHUTDOWN_SECONDS"],
            termination_log=value["AGNO_TERMINATION_LOG"],
            cors_origins=frozenset(value["AGNO_CORS_ORIGINS"]),
            auth=AuthSettings(
                required=value["AGNO_REQUIRE_AUTHENTICATION"],
                security_key=_key(value, "OS_SECURITY_KEY"),
                authorization=value["AGNO_AUTHORIZATION"],
                verification_keys=() if key is None else (key,),
                jwks_file=value["JWT_JWKS_FILE"],
                jwks_url=value["AGNO_JWT_JWKS_URL"],
                algorithm=value["AGNO_JWT_ALGORITHM"],
                verify_audience=bool(audience) if verify_audience is None else verify_audience,
                audience=audience or (() if os_id is None else (os_id,)),
                issuer=value["AGNO_JWT_ISSUER"],
                admin_scope=value["AGNO_JWT_ADMIN_SCOPE"],
                databases_claim=value["AGNO_JWT_DATABASES_CLAIM"],
                user_isolation=value["AGNO_USER_ISOLATION"],
                service_accounts=_service_accounts(value),
            ),
            doubtful=noticed,
        )

    @property
    def warnings(self) -> list[str]:
        """One line for each setting that does not prevent the start but is probably a mistake."""
        found = list(self.doubtful)
        found += [
            f"database {id!r} can't be reached: its DSN is malformed: {source.dsn.problem}"
            for id, sources in self.databases.sources.items()
            for source in sources
            if source.dsn.problem is not None
        ]
        if self.auth.jwks_url and self.auth.jwks_url.scheme == "http" and self.auth.jwks_url.host not in _LOOPBACK:
            found.append("AGNO_JWT_JWKS_URL is not https: anybody on the network path can replace its keys")
        if self.host not in _LOOPBACK and not self.auth.uses_tokens and not self.auth.security_key:
            found.append(
                "everybody who reaches this port may read and delete all sessions: set OS_SECURITY_KEY or JWT_…"
            )
        if self.auth.service_accounts and not self.auth.uses_tokens and not self.auth.security_key:
            found.append(
                "AGNO_SERVICE_ACCOUNTS_DB_ID lets callers without a token in: set OS_SECURITY_KEY or JWT_… as well"
            )
        if self.auth.uses_tokens and not self.auth.isolates_users:
            found.append("AGNO_USER_ISOLATION is off: a valid token gives access to everybody's sessions")
        if self.auth.uses_tokens and not self.auth.enforces_scopes:
            found.append("AGNO_AUTHORIZATION is off: a valid token may read, write and delete, whatever its scopes")
        return found


def _service_accounts(value: Mapping[str, Any]) -> AccountSettings | None:
    db_id = value[ACCOUNTS_VARIABLE]
    if db_id is None:
        return None
    return AccountSettings(db_id, value["AGNO_SERVICE_ACCOUNTS_TABLE"], value["AGNO_SERVICE_ACCOUNTS_CACHE_SECONDS"])


def _key(value: Mapping[str, Any], name: str) -> str | None:
    """The key in a variable, or in the file that another variable names."""
    given: list[str] = [value[each] for each in (name, f"{name}_FILE") if value[each] is not None]
    if len(given) > 1:
        raise BadSetting(f"{name} and {name}_FILE are both set: keep one of them")
    return given[0] if given else None


def _databases(value: Mapping[str, Any]) -> tuple[DsnMap, DsnFile | None]:
    """The databases, and the file that they were read from, if any."""
    default, schema = value["AGNO_DEFAULT_DB_ID"], value["AGNO_SESSION_SCHEMA"]
    accounts = value[ACCOUNTS_VARIABLE]
    given = next((name for name in DSN_VARIABLES if value[name] is not None), None)
    if given is None:
        raise BadSetting(f"no database: set {', '.join(DSN_VARIABLES[:-1])} or {DSN_VARIABLES[-1]}, or give --embedded")
    try:
        if given == "AGNO_SESSION_DSN_MAP":
            return DsnMap.parse(value[given], default, schema).having(accounts, ACCOUNTS_VARIABLE), None
        if given in {"AGNO_SESSION_DSN_MAP_FILE", "AGNO_PG_DSN_FILE"}:
            file = DsnFile(value[given], given == "AGNO_PG_DSN_FILE", default, schema, accounts)
            return file.load(), file
        return DsnMap.of_one(value[given], default, schema).having(accounts, ACCOUNTS_VARIABLE), None
    except BadDsnMap as error:
        raise BadSetting(f"{given}: {error}") from None
