"""A Secret as others write it becomes a DSN, or a finding that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from session_operator.reasons import Finding, Reason
from session_operator.resource import KeyVersion, Reference
from session_operator.sources import key_version, missing, resolve, trimmed

from .stores import database, secret, store

CONNECTION: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "CloudNativePG": (
        {
            "dbname": "app",
            "fqdn-uri": "postgresql://app:pw@chat-rw.default.svc.cluster.local:5432/app",
            "host": "chat-rw",
            "jdbc-uri": "jdbc:postgresql://chat-rw.default:5432/app?password=pw&user=app",
            "password": "pw",
            "pgpass": "chat-rw:5432:app:app:pw\n",
            "port": "5432",
            "uri": "postgresql://app:pw@chat-rw.default:5432/app",
            "user": "app",
            "username": "app",
        },
        {},
        "postgresql://app:pw@chat-rw.default:5432/app",
    ),
    "Crunchy": (
        {
            "dbname": "chat",
            "host": "chat-primary.default.svc",
            "jdbc-uri": "jdbc:postgresql://chat-primary.default.svc:5432/chat?password=pw&user=chat",
            "password": "pw",
            "port": "5432",
            "uri": "postgresql://chat:pw@chat-primary.default.svc:5432/chat",
            "user": "chat",
            "verifier": "SCRAM-SHA-256$4096:x",
        },
        {},
        "postgresql://chat:pw@chat-primary.default.svc:5432/chat",
    ),
    "Zalando, which writes neither host nor dbname": (
        {"username": "agno", "password": "pw"},
        {"host": "acid-chat", "dbname": "agno"},
        "postgresql://agno:pw@acid-chat:5432/agno",
    ),
    "the Service Binding specification": (
        {
            "type": "postgresql",
            "provider": "bitnami",
            "host": "db",
            "port": "5433",
            "username": "u",
            "password": "pw",
            "database": "d",
        },
        {},
        "postgresql://u:pw@db:5433/d",
    ),
    "parts with characters that mean something in a URI": (
        {"host": "db", "user": "a@b", "password": "p/w:%?#[é", "dbname": "my db"},
        {},
        "postgresql://a%40b:p%2Fw%3A%25%3F%23%5B%C3%A9@db:5432/my%20db",
    ),
    "an address of IPv6": (
        {"host": "fd00::5", "user": "u", "password": "pw", "dbname": "d"},
        {},
        "postgresql://u:pw@[fd00::5]:5432/d",
    ),
    "a host and a port that would be more than that": (
        {"host": "db/x?sslmode=disable", "port": "5432/x#", "user": "u", "password": "pw", "dbname": "d"},
        {},
        "postgresql://u:pw@db%2Fx%3Fsslmode%3Ddisable:5432%2Fx%23/d",
    ),
    "several hosts": (
        {"host": "a,b", "port": "5432,5433", "user": "u", "password": "pw", "dbname": "d"},
        {},
        "postgresql://u:pw@a:5432,b:5433/d",
    ),
    "several hosts with one port": (
        {"host": "a,fd00::5", "port": "6432", "user": "u", "password": "pw", "dbname": "d"},
        {},
        "postgresql://u:pw@a:6432,[fd00::5]:6432/d",
    ),
    "several hosts whose port the store names": (
        {"host": "a,b", "port": "5432,5433", "user": "u", "password": "pw", "dbname": "d"},
        {"port": 6432},
        "postgresql://u:pw@a:6432,b:6432/d",
    ),
    "a database that the store names, and a uri": (
        {"uri": "postgresql://u:pw@db/tenant1", "host": "db", "user": "u", "password": "pw", "dbname": "tenant1"},
        {"dbname": "tenant2"},
        "postgresql://u:pw@db:5432/tenant2",
    ),
    "a port that only the store names": (
        {"host": "db", "user": "u", "password": "pw", "dbname": "d"},
        {"port": 6432},
        "postgresql://u:pw@db:6432/d",
    ),
    "a part that both name, of which the store's counts": (
        {"host": "db", "user": "u", "password": "pw", "dbname": "d"},
        {"host": "other"},
        "postgresql://u:pw@other:5432/d",
    ),
}


@pytest.mark.parametrize("shape", CONNECTION)
def test_a_connection_secret_becomes_a_dsn(shape: str) -> None:
    values, defaults, dsn = CONNECTION[shape]

    (resolution,) = resolve(
        store(database(dsn={"fromSecret": {"name": "chat-app"} | defaults})), {"chat-app": secret(**values)}
    )

    assert (resolution.state, resolution.dsn) == ("Resolved", dsn)


@pytest.mark.parametrize(
    ("found", "state", "message"),
    [
        (None, "SecretMissing", "Secret chat-main does not exist: create it with the key dsn"),
        ({}, "SecretKeyMissing", "Secret chat-main has no key dsn: add it"),
        (secret(uri="x"), "SecretKeyMissing", "Secret chat-main has no key dsn: add it"),
        (secret(dsn=" \n"), "SecretInvalid", "Secret chat-main has an empty key dsn: write a DSN into it"),
        ({"data": {"dsn": "/w=="}}, "SecretInvalid", "Secret chat-main holds bytes that are not UTF-8 text"),
    ],
)
def test_a_secret_that_gives_no_dsn_says_what_to_do(found: Any, state: str, message: str) -> None:
    (resolution,) = resolve(store(), {"chat-main": found})

    assert (resolution.state, resolution.message, resolution.resolved) == (state, message, False)


def test_a_connection_secret_names_all_that_it_lacks() -> None:
    (resolution,) = resolve(
        store(database(dsn={"fromSecret": {"name": "zalando"}})), {"zalando": secret(username="u", password="pw")}
    )

    assert resolution.state == "SecretKeyMissing"
    assert resolution.message == "Secret zalando has no key uri and lacks host, dbname: add them"


@pytest.mark.parametrize("field", ["dsn", "readOnlyDsn"])
@pytest.mark.parametrize(
    ("values", "said", "state", "message"),
    [
        (
            {"uri": "postgresql://u:pw@db/tenant1"},
            {"dbname": "tenant2"},
            "SecretKeyMissing",
            "the spec says dbname, so uri of Secret app does not count, and it lacks host, user, password: add them",
        ),
        (
            {"host": "a,b,c", "port": "1,2", "user": "u", "password": "pw", "dbname": "d"},
            {},
            "SecretInvalid",
            "Secret app: 3 hosts cannot have 2 ports",
        ),
    ],
)
def test_what_the_spec_says_wins_or_is_refused(
    field: str, values: dict[str, str], said: Any, state: str, message: str
) -> None:
    other = {"secretKeyRef": {"name": "main", "key": "dsn"}}
    source = {"dsn": other} | {field: {"fromSecret": {"name": "app"} | said}}
    secrets = {"app": secret(**values), "main": secret(dsn="postgresql://db")}

    (resolution,) = resolve(store(database(**source)), secrets)

    prefix = "readOnlyDsn: " if field == "readOnlyDsn" else ""
    assert (resolution.state, resolution.message) == (state, prefix + message)
    assert (resolution.dsn, resolution.read_only_dsn) == ("postgresql://db" if prefix else None, None)


def test_bytes_in_keys_that_nobody_asked_for_do_no_harm() -> None:
    keystore = {"data": secret(dsn="postgresql://db")["data"] | {"keystore.p12": "/w=="}}

    (resolution,) = resolve(store(), {"chat-main": keystore})

    assert resolution.dsn == "postgresql://db"


def test_a_newline_at_the_end_is_no_part_of_a_dsn() -> None:
    (resolution,) = resolve(store(), {"chat-main": secret(dsn="postgresql://db\n")})

    assert resolution.dsn == "postgresql://db"


def test_each_database_is_resolved_on_its_own_and_in_order() -> None:
    resolutions = resolve(store(database("b"), database("a")), {"chat-b": None, "chat-a": secret(dsn="postgresql://a")})

    assert [(r.database.id, r.state) for r in resolutions] == [("b", "SecretMissing"), ("a", "Resolved")]


READ_ONLY = {"secretKeyRef": {"name": "chat-replica", "key": "dsn"}}


@pytest.mark.parametrize(
    ("found", "state", "message"),
    [
        (secret(dsn="postgresql://replica"), "Resolved", ""),
        (None, "SecretMissing", "readOnlyDsn: Secret chat-replica does not exist: create it with the key dsn"),
        (secret(uri="x"), "SecretKeyMissing", "readOnlyDsn: Secret chat-replica has no key dsn: add it"),
    ],
    ids=["there", "no Secret", "no key"],
)
def test_a_database_is_resolved_when_the_dsn_of_its_replica_is_there_too(found: Any, state: str, message: str) -> None:
    of = store(database(readOnlyDsn=READ_ONLY))

    (resolution,) = resolve(of, {"chat-main": secret(dsn="postgresql://db"), "chat-replica": found})

    assert of.secrets == {"chat-main", "chat-replica"}
    assert (resolution.state, resolution.message) == (state, message)
    assert resolution.read_only_dsn == ("postgresql://replica" if state == "Resolved" else None)


@pytest.mark.parametrize(
    ("written", "dsn"),
    [
        ({}, "postgresql://app:pw@chat-rw.default:5432/app"),
        ({"host": "chat-ro"}, "postgresql://app:pw@chat-ro:5432/app"),
        ({"host": "chat-ro", "port": 6432, "dbname": "other"}, "postgresql://app:pw@chat-ro:6432/other"),
    ],
    ids=["nothing", "host", "all"],
)
def test_what_is_written_of_a_replica_counts_before_the_secret_of_its_database(written: Any, dsn: str) -> None:
    cluster = {"name": "chat-app"}
    values, _, primary = CONNECTION["CloudNativePG"]
    of = store(database(dsn={"fromSecret": cluster}, readOnlyDsn={"fromSecret": cluster | written}))

    (resolution,) = resolve(of, {"chat-app": secret(**values)})

    assert (resolution.dsn, resolution.read_only_dsn) == (primary, dsn)


def test_a_dsn_is_not_in_the_repr() -> None:
    of = store(database(readOnlyDsn=READ_ONLY))
    dsn = secret(dsn="postgresql://u:hunter2@db")

    assert "hunter2" not in repr(resolve(of, {"chat-main": dsn, "chat-replica": dsn}))


TLS = {
    "mode": "verify-full",
    "caSecretRef": {"name": "ca", "key": "ca.crt"},
    "clientCertificateSecretRef": {"name": "client"},
}


CA = {"ca.crt": "pem"}
CERTIFICATE = {"tls.crt": "pem", "tls.key": "pem"}


@pytest.mark.parametrize(
    ("ca", "client", "state", "message"),
    [
        (secret(**CA), secret(**CERTIFICATE), "Resolved", ""),
        (None, None, "SecretMissing", "Secret ca does not exist: create it with the key ca.crt"),
        (secret(other="x"), None, "SecretKeyMissing", "Secret ca has no key ca.crt: add it"),
        (secret(**CA), None, "SecretMissing", "Secret client does not exist: create it with the key tls.crt"),
        (secret(**CA), secret(**CA), "SecretKeyMissing", "Secret client has no key tls.crt: add it"),
    ],
    ids=["all there", "no CA", "another key", "no client certificate", "another Secret"],
)
def test_a_database_is_resolved_when_its_certificates_are_there_too(
    ca: Any, client: Any, state: str, message: str
) -> None:
    of = store(database(tls=TLS))
    found = {"chat-main": secret(dsn="postgresql://db"), "ca": ca, "client": client}

    (resolution,) = resolve(of, found)

    assert of.secrets == found.keys()
    assert (resolution.state, resolution.message.removeprefix("tls: ")) == (state, message)
    assert resolution.resolved == (state == "Resolved")


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_a_reference_that_leads_nowhere_says_what_to_make(kind: str) -> None:
    reference = Reference(kind, "chat-auth", "key")

    assert missing(reference, {"data": {"key": "x"}}) is None
    assert missing(reference, None) == Finding(
        Reason(f"{kind}Missing"), f"{kind} chat-auth does not exist: create it with the key key"
    )
    for empty in ({}, {"data": None}, {"data": {"key": ""}}):
        assert missing(reference, empty) == Finding(
            Reason(f"{kind}KeyMissing"), f"{kind} chat-auth has no key key: add it"
        )


KEY = {"secretKeyRef": {"name": "chat-auth", "key": "key"}}


def test_the_version_of_a_key_changes_with_the_key_alone() -> None:
    def version(key: str, *, uid: str = "6f9d", resource_version: str = "1", **others: str) -> KeyVersion | None:
        of = store(auth={"securityKey": KEY}, metadata={"uid": uid})
        found = secret(key=key, **others) | {"metadata": {"resourceVersion": resource_version}}
        return key_version(of, {"chat-auth": trimmed(of, "Secret", "chat-auth", found)})

    first = version("a" * 40_000)
    assert first
    assert version("a" * 40_000, resource_version="2", other="b") == (first.digest, "2")
    for other in (version("a" * 39_999 + "b"), version("a" * 40_000, uid="other")):
        assert other
        assert other.digest != first.digest
    assert key_version(store(), {}) is None
