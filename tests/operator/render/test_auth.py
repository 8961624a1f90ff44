"""Who gets in, as the service itself reads it from what is rendered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from jwt import get_algorithm_by_name

from session_operator.render import render
from session_operator.render.auth import ports
from session_operator.resource import KeyVersion, Object
from session_service.database.dsn_map import DatabaseId
from session_service.http.auth import AuthSettings
from session_service.http.service_accounts import AccountSettings
from session_service.settings import Settings
from tests.operator.apiserver import ROOT
from tests.operator.stores import store

KEY = {"secretKeyRef": {"name": "chat-auth", "key": "key"}}
JWKS = {"configMapKeyRef": {"name": "chat-jwks", "key": "keys.json"}}
DEFAULTS = {"algorithm": "RS256", "adminScope": "agent_os:admin", "authorization": True, "userIsolation": True}


def pod(auth: Object, version: str | None = None) -> Any:
    key_version = KeyVersion(version, "7") if version else None
    objects = {each["kind"]: each for each in render(store(auth=auth), {"main": "postgresql://db"}, key_version)}
    return objects["Deployment"]["spec"]["template"]


def as_the_service_reads_it(auth: Object) -> AuthSettings:
    """The settings of the service in such a pod; what is referred to reads as <name of the Secret>/<key>."""

    def value(variable: Object) -> str:
        if "value" in variable:
            return str(variable["value"])
        reference = variable["valueFrom"]["secretKeyRef"]
        return f"{reference['name']}/{reference['key']}"

    environment = {each["name"]: value(each) for each in pod(auth)["spec"]["containers"][0]["env"]}
    del environment["AGNO_SESSION_DSN_MAP_FILE"]
    return Settings.load(environment | {"AGNO_SESSION_DSN_MAP": '{"main": "postgresql://db"}'}).auth


def test_the_service_knows_every_algorithm_that_a_store_may_name() -> None:
    crd = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())["spec"]["versions"][0]
    spec = crd["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    algorithms = spec["auth"]["properties"]["jwt"]["properties"]["algorithm"]["enum"]

    assert {type(get_algorithm_by_name(each)).__name__ for each in algorithms} == {
        "RSAAlgorithm",
        "RSAPSSAlgorithm",
        "ECAlgorithm",
        "OKPAlgorithm",
        "HMACAlgorithm",
    }


def test_a_security_key_reaches_the_service_by_reference() -> None:
    settings = as_the_service_reads_it({"securityKey": KEY})

    assert settings.security_key == "chat-auth/key"
    assert settings.required
    assert not settings.uses_tokens


@pytest.mark.parametrize("callers", [{"securityKey": KEY}, {"jwt": {"verificationKey": KEY} | DEFAULTS}])
def test_service_accounts_get_in_beside_all_others(callers: Object) -> None:
    accounts = {"database": "main", "table": "accounts", "cacheSeconds": 0}
    settings = as_the_service_reads_it(callers | {"serviceAccounts": accounts})

    assert settings.service_accounts == AccountSettings(DatabaseId("main"), "accounts", 0)
    assert replace(settings, service_accounts=None) == as_the_service_reads_it(callers)


def test_tokens_are_verified_scopes_enforced_and_users_kept_apart_unless_the_spec_says_otherwise() -> None:
    settings = as_the_service_reads_it({"jwt": {"verificationKey": KEY} | DEFAULTS})

    assert settings == AuthSettings(
        required=True,
        authorization=True,
        verification_keys=("chat-auth/key",),
        algorithm="RS256",
        admin_scope="agent_os:admin",
        user_isolation=True,
    )


def test_everything_said_of_tokens_reaches_the_service() -> None:
    said = {
        "algorithm": "ES256",
        "audience": ["chat", "admin"],
        "issuer": "https://id.example",
        "adminScope": "root",
        "databasesClaim": "https://example.com/databases",
        "authorization": False,
        "userIsolation": False,
    }
    settings = as_the_service_reads_it({"jwt": {"jwks": JWKS} | said})

    assert str(settings.jwks_file) == "/etc/session-service-jwks/jwks.json"
    assert (settings.algorithm, settings.verify_audience, settings.audience) == ("ES256", True, ("chat", "admin"))
    assert (settings.issuer, settings.admin_scope) == ("https://id.example", "root")
    assert settings.databases_claim == "https://example.com/databases"
    assert (settings.authorization, settings.user_isolation) == (False, False)


@pytest.mark.parametrize("url", ["https://id.example.com:99999/keys", "https://[::::]/keys", "https://[1]/keys"])
def test_a_url_that_leads_nowhere_lets_nothing_out_and_stops_nothing(url: str) -> None:
    auth = {"jwt": {"jwksUrl": url} | DEFAULTS}

    assert ports(store(auth=auth).auth) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://id.example.com/keys?tenant=a", 443),
        ("http://dex.auth.svc/keys", 80),
        ("http://dex.auth.svc:5556/keys", 5556),
        ("https://[fd00::1]:8443", 8443),
    ],
)
def test_keys_of_a_url_reach_the_service_and_their_port_is_let_out(url: str, port: int) -> None:
    auth = {"jwt": {"jwksUrl": url} | DEFAULTS}
    settings = as_the_service_reads_it(auth)
    objects = {each["kind"]: each for each in render(store(auth=auth, networkPolicy="Managed"), {"main": "host=db"})}

    assert (str(settings.jwks_url).rstrip("/"), settings.jwks_file) == (url, None)
    assert settings.enforces_scopes
    assert settings.isolates_users
    *_, last = objects["NetworkPolicy"]["spec"]["egress"]
    assert last == {"ports": [{"protocol": "TCP", "port": port}]}


@pytest.mark.parametrize(
    ("source", "mounted"),
    [
        (JWKS, {"configMap": {"name": "chat-jwks"}}),
        ({"secretKeyRef": {"name": "chat-jwks", "key": "keys.json"}}, {"secret": {"secretName": "chat-jwks"}}),
    ],
    ids=["ConfigMap", "Secret"],
)
def test_a_jwks_is_mounted_from_where_it_is(source: Object, mounted: Object) -> None:
    spec = pod({"jwt": {"jwks": source} | DEFAULTS})["spec"]

    (volume,) = (each for each in spec["volumes"] if each["name"] == "jwks")
    ((kind, name),) = mounted.items()
    items = {"items": [{"key": "keys.json", "path": "jwks.json"}], "defaultMode": 0o440}
    assert volume == {"name": "jwks", kind: name | items}
    assert spec["containers"][0]["volumeMounts"][-1]["mountPath"] == "/etc/session-service-jwks"


def test_pods_are_marked_with_the_version_of_the_secret_that_they_started_with() -> None:
    annotation = "sessionstore.dev/auth-secret-version"

    assert pod({"securityKey": KEY}, "41")["metadata"]["annotations"] == {annotation: "41"}
    assert "annotations" not in pod({"securityKey": KEY})["metadata"]
