"""Authentication of callers: the environment of the service (docs/reference/authentication.md) and its JWKS file."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from session_operator.resource import Auth, Object, Reference

VOLUME = "jwks"
DIRECTORY = "/etc/session-service-jwks"
FILE = "jwks.json"


def environment(auth: Auth) -> list[Object]:
    """The variables, secret ones by reference. If a Secret is emptied, pods that start then must not be open."""
    required = {"name": "AGNO_REQUIRE_AUTHENTICATION", "value": "true"}
    callers = [_secret("OS_SECURITY_KEY", auth.security_key)] if auth.security_key else _tokens(auth)
    return [required, *callers, *_service_accounts(auth)]


def _tokens(auth: Auth) -> list[Object]:
    tokens = auth.tokens
    variables = {
        "AGNO_JWT_ALGORITHM": tokens["algorithm"],
        "AGNO_JWT_ADMIN_SCOPE": tokens["adminScope"],
        "AGNO_AUTHORIZATION": _flag(tokens["authorization"]),
        "AGNO_USER_ISOLATION": _flag(tokens["userIsolation"]),
    }
    if "audience" in tokens:
        variables |= {"AGNO_JWT_VERIFY_AUDIENCE": "true", "AGNO_JWT_AUDIENCE": ",".join(tokens["audience"])}
    if "issuer" in tokens:
        variables["AGNO_JWT_ISSUER"] = tokens["issuer"]
    if "databasesClaim" in tokens:
        variables["AGNO_JWT_DATABASES_CLAIM"] = tokens["databasesClaim"]
    if "jwksUrl" in tokens:
        variables["AGNO_JWT_JWKS_URL"] = tokens["jwksUrl"]
    if auth.jwks:
        variables["JWT_JWKS_FILE"] = f"{DIRECTORY}/{FILE}"
    keys = [_secret("JWT_VERIFICATION_KEY", auth.verification_key)] if auth.verification_key else []
    return keys + _variables(variables)


def _service_accounts(auth: Auth) -> list[Object]:
    accounts = auth.service_accounts
    if accounts is None:
        return []
    return _variables(
        {
            "AGNO_SERVICE_ACCOUNTS_DB_ID": accounts["database"],
            "AGNO_SERVICE_ACCOUNTS_TABLE": accounts["table"],
            "AGNO_SERVICE_ACCOUNTS_CACHE_SECONDS": str(accounts["cacheSeconds"]),
        }
    )


def volume(auth: Auth) -> Object | None:
    """The volume of the JWKS file. The kubelet updates it when its source changes, and the service reads it again."""
    if auth.jwks is None:
        return None
    items = [{"key": auth.jwks.key, "path": FILE}]
    if auth.jwks.kind == "Secret":
        source: Object = {"secret": {"secretName": auth.jwks.name, "items": items, "defaultMode": 0o440}}
    else:
        source = {"configMap": {"name": auth.jwks.name, "items": items, "defaultMode": 0o440}}
    return {"name": VOLUME} | source


def ports(auth: Auth) -> tuple[int, ...]:
    """The port of the JWKS URL, if there is one."""
    try:
        url = urlsplit(auth.tokens.get("jwksUrl", ""))
        return (url.port or {"https": 443, "http": 80}[url.scheme],) if url.scheme else ()
    except ValueError:  # a port beyond 65535, or brackets without an address: the pods say what is wrong with it
        return ()


def _variables(values: Mapping[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _secret(name: str, reference: Reference) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": reference.name, "key": reference.key}}}


def _flag(holds: bool) -> str:
    return "true" if holds else "false"
