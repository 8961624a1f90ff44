"""A store whose database has a replica, on a real API server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from session_operator.kinds import DEPLOYMENTS, SECRETS, STORES

from .api import Api, condition, mounted

pytestmark = pytest.mark.usefixtures("operator")
DATABASES = [
    {
        "id": "main",
        "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}},
        "readOnlyDsn": {"fromSecret": {"name": "chat-replica", "dbname": "agno"}},
    }
]
REPLICA = {"host": "replica", "user": "agno", "password": "pw"}


async def dsn_map(api: Api, name: str) -> Any:
    secret = await api.until(SECRETS, name)
    return json.loads(base64.b64decode(secret["data"]["dsn-map.json"]))["main"]


async def test_the_pods_get_the_dsn_of_the_replica_and_a_new_one_when_its_secret_changes(api: Api) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_secret("chat-replica", **REPLICA)
    await api.write_store(databases=DATABASES)
    before = mounted(await api.deployed())
    assert (await dsn_map(api, before))["readOnlyDsn"] == "postgresql://agno:pw@replica:5432/agno"

    await api.write_secret("chat-replica", **REPLICA | {"password": "rotated"})

    after = mounted(await api.deployed(other_than=before))
    assert (await dsn_map(api, after))["readOnlyDsn"] == "postgresql://agno:rotated@replica:5432/agno"


async def test_a_secret_that_is_missing_is_named_with_the_field_and_heals_when_it_appears(api: Api) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store(databases=DATABASES)
    store = await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")
    assert condition(store, "DatabasesResolved")["message"] == (
        "database main: readOnlyDsn: Secret chat-replica does not exist: create it with the key uri"
    )
    assert store["status"]["databases"] == [
        {
            "id": "main",
            "source": "Secret/chat-main",
            "readOnlySource": "Secret/chat-replica",
            "state": "SecretMissing",
        }
    ]

    await api.write_secret("chat-replica", **REPLICA)

    await api.deployed(seconds=5)
    await api.until(STORES, "chat", lambda body: body["status"]["databases"][0]["state"] == "Resolved")


@pytest.mark.parametrize("field", ["dsn", "readOnlyDsn"])
async def test_a_database_that_the_spec_names_is_served_or_nothing_is(api: Api, field: str) -> None:
    """Never another tenant's, which the Secret names."""
    uri = "postgresql://agno:secret@db:5432/tenant1"
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_secret("chat-app", uri=uri)
    source = {field: {"fromSecret": {"name": "chat-app", "dbname": "tenant2"}}}
    await api.write_store(databases=[{"id": "main", "dsn": DATABASES[0]["dsn"]} | source])
    store = await api.until_condition("chat", "DatabasesResolved", "False", "SecretKeyMissing")
    assert "the spec says dbname, so uri of Secret chat-app does not count" in str(store["status"])
    found = await api.get(DEPLOYMENTS, "chat")  # without a replica, the database alone is served
    assert (found is None) == (field == "dsn")
    assert found is None or "readOnlyDsn" not in await dsn_map(api, mounted(found))

    await api.write_secret(
        "chat-app", uri=uri, host="a,b", port="6432", user="agno", password="secret", dbname="tenant1"
    )

    of_it = await dsn_map(api, mounted(await api.deployed(other_than=mounted(found) if found else "")))
    assert of_it[field] == "postgresql://agno:secret@a:6432,b:6432/tenant2"
