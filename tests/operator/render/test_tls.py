"""Certificates become files of the pods, and parameters of the DSN that name them."""

from __future__ import annotations

import base64
from typing import Any

from psycopg2.extensions import parse_dsn

from session_operator.render import render
from session_operator.resource import Object
from session_service.database.dsn_map import DsnMap
from tests.operator.stores import database, store

FULL = {
    "mode": "verify-full",
    "caSecretRef": {"name": "chat-ca", "key": "ca.crt"},
    "clientCertificateSecretRef": {"name": "chat-client"},
}


def rendered(*databases: Object) -> tuple[DsnMap, Any]:
    """The DSN map as the service reads it, and the pod."""
    dsns = {each["id"]: "postgresql://agno@db/agno?sslmode=prefer" for each in databases}
    objects = {each["kind"]: each for each in render(store(*databases), dsns)}
    text = base64.b64decode(objects["Secret"]["data"]["dsn-map.json"]).decode()
    return DsnMap.parse(text, None), objects["Deployment"]["spec"]["template"]["spec"]


def test_the_service_is_told_of_the_mode_and_of_every_file() -> None:
    dsn_map, _ = rendered(database(tls=FULL))

    words = parse_dsn(dsn_map.sources["main"][0].dsn.text)
    assert {name: word for name, word in words.items() if name.startswith("ssl")} == {
        "sslmode": "verify-full",
        "sslrootcert": "/etc/session-service-tls/main/ca.crt",
        "sslcert": "/etc/session-service-tls/main/tls.crt",
        "sslkey": "/etc/session-service-tls/main/tls.key",
    }


def test_each_database_has_its_files_in_a_directory_of_its_own() -> None:
    archive = {"mode": "verify-ca", "caSecretRef": {"name": "archive-ca", "key": "root.pem"}}
    _, pod = rendered(database(tls=FULL), database("archive", tls=archive))

    volume = next(each for each in pod["volumes"] if each["name"] == "database-tls")
    files = {
        (source["secret"]["name"], item["key"]): item["path"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    assert files == {
        ("chat-ca", "ca.crt"): "main/ca.crt",
        ("chat-client", "tls.crt"): "main/tls.crt",
        ("chat-client", "tls.key"): "main/tls.key",
        ("archive-ca", "root.pem"): "archive/ca.crt",
    }
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "database-tls")
    assert mount == {"name": "database-tls", "mountPath": "/etc/session-service-tls", "readOnly": True}


def test_the_private_key_is_readable_for_the_group_of_the_pod_and_nobody_else() -> None:
    _, pod = rendered(database(tls=FULL))

    volume = next(each for each in pod["volumes"] if each["name"] == "database-tls")
    assert volume["projected"]["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def test_a_mode_without_certificates_mounts_nothing() -> None:
    dsn_map, pod = rendered(database(tls={"mode": "require"}))

    assert parse_dsn(dsn_map.sources["main"][0].dsn.text)["sslmode"] == "require"
    assert [each["name"] for each in pod["volumes"]] == ["dsn-map"]


def test_the_mode_of_a_database_is_not_that_of_another() -> None:
    dsn_map, _ = rendered(database(tls=FULL), database("archive"))

    assert parse_dsn(dsn_map.sources["archive"][0].dsn.text)["sslmode"] == "prefer"
