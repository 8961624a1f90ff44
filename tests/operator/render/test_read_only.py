"""A replica beside a database: in the DSN map, encrypted as the database is, and let through the NetworkPolicy."""

from __future__ import annotations

import base64
import json
from typing import Any

from psycopg2.extensions import parse_dsn

from session_operator.render import render
from session_operator.resource import Object
from session_service.database.dsn_map import DsnMap
from tests.operator.stores import database, store

PRIMARY, REPLICA = "postgresql://agno@db:5432/agno", "postgresql://agno@replica:5433/agno"


def rendered(of: Object, **spec: Any) -> dict[str, Object]:
    objects = render(store(of, **spec), {"main": PRIMARY}, read_only_dsns={"main": REPLICA})
    return {each["kind"]: each for each in objects}


def entry(objects: dict[str, Object]) -> Any:
    return json.loads(base64.b64decode(objects["Secret"]["data"]["dsn-map.json"]))["main"]


def test_the_dsn_map_names_the_replica_beside_the_database() -> None:
    written = entry(rendered(database()))

    assert (written["dsn"], written["readOnlyDsn"]) == (PRIMARY, REPLICA)


def test_the_service_reads_what_the_operator_writes() -> None:
    objects = rendered(database(pool={"maxSize": 3, "maxWaiting": 20}))
    text = base64.b64decode(objects["Secret"]["data"]["dsn-map.json"]).decode()

    (source,) = DsnMap.parse(text, None).sources["main"]

    assert source.read_only_dsn is not None
    assert parse_dsn(source.read_only_dsn.text)["host"] == "replica"
    assert source.max_waiting == 20


def test_without_a_replica_the_dsn_map_is_what_it_was() -> None:
    objects = {each["kind"]: each for each in render(store(), {"main": PRIMARY})}

    assert "readOnlyDsn" not in entry(objects)


def test_the_replica_is_encrypted_as_the_database_is() -> None:
    tls = {"mode": "verify-full", "caSecretRef": {"name": "chat-ca", "key": "ca.crt"}}

    words = parse_dsn(entry(rendered(database(tls=tls)))["readOnlyDsn"])

    assert (words["host"], words["sslmode"]) == ("replica", "verify-full")
    assert words["sslrootcert"] == "/etc/session-service-tls/main/ca.crt"


def test_the_network_policy_lets_the_port_of_the_replica_through() -> None:
    policy = rendered(database(), networkPolicy="Managed")["NetworkPolicy"]

    assert [port["port"] for port in policy["spec"]["egress"][-1]["ports"]] == [5432, 5433]
