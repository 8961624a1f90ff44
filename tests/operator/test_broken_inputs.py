"""One broken input of a store holds back nothing else, on a real API server."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aiohttp import web

from session_operator import last_good
from session_operator.kinds import DEPLOYMENTS, SECRETS, SERVICES, STORES
from session_operator.last_good import NOWHERE
from session_operator.resource import Object
from session_operator.sources import resolve

from .api import Api, condition, mounted
from .apiserver import OPERATOR, ApiServer
from .conftest import operator_in
from .controllers import roll_out
from .proxy import Call, Proxy, refusal
from .stores import database, secret, store

IDS = ("main", "archive", "team")


def dsn(database: str, password: str = "secret") -> str:
    return f"postgresql://agno:{password}@{database}:5432/agno"


def databases(**sources: Any) -> list[Object]:
    return [
        {"id": each, "dsn": sources.get(each, {"secretKeyRef": {"name": f"chat-{each}", "key": "dsn"}})} for each in IDS
    ]


async def entries(api: Api, deployment: Object) -> dict[str, str]:
    """The DSNs of the map that a Deployment mounts, by database, in order."""
    secret = await api.until(SECRETS, mounted(deployment))
    found = json.loads(base64.b64decode(secret["data"]["dsn-map.json"]))
    return {name: entry["dsn"] for name, entry in found.items()}


async def degraded(api: Api, word: str) -> Object:
    def says(body: Object) -> bool:
        found = condition(body, "Degraded")
        return found.get("status") == "True" and word in found["message"]

    return await api.until(STORES, "chat", says)


@pytest.fixture
async def deployment(api: Api, operator: None) -> Object:
    for each in IDS:
        await api.write_secret(f"chat-{each}", dsn=dsn(each))
    await api.write_store(databases=databases())
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    return await api.deployed()


async def test_a_deleted_secret_holds_back_nothing_else(api: Api, deployment: Object) -> None:
    await api.delete(SECRETS, "chat-archive")
    store = await degraded(api, "database archive: Secret chat-archive does not exist")
    assert condition(store, "Ready")["status"] == "True"

    await api.write_secret("chat-team", dsn=dsn("team", "rotated"))
    rotated = await api.deployed(other_than=mounted(deployment))
    assert await entries(api, rotated) == {
        "main": dsn("main"),
        "archive": dsn("archive"),
        "team": dsn("team", "rotated"),
    }
    assert [*await entries(api, rotated)] == [*IDS]  # who names no database is served the first

    await api.edit(STORES, "chat", {"spec": {"image": "session:2", "replicas": 3}})
    changed = await api.until(DEPLOYMENTS, "chat", lambda body: body["spec"]["replicas"] == 3)
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == "session:2"
    assert mounted(changed) == mounted(rotated)

    await api.delete(DEPLOYMENTS, "chat")
    again = await api.until(DEPLOYMENTS, "chat", lambda body: body["metadata"]["uid"] != deployment["metadata"]["uid"])
    assert await entries(api, again) == await entries(api, rotated)

    await api.write_secret("chat-archive", dsn=dsn("archive", "back"))
    await api.until_condition("chat", "DatabasesResolved", "True", "AllResolved")
    healed = await api.deployed(other_than=mounted(again))
    assert (await entries(api, healed))["archive"] == dsn("archive", "back")


@pytest.mark.usefixtures("operator")
async def test_a_database_that_never_had_a_dsn_stays_known(api: Api) -> None:
    await api.write_secret("chat-archive", dsn=dsn("archive"))
    await api.write_store(databases=databases())

    found = await api.deployed()

    assert await entries(api, found) == {"main": NOWHERE, "archive": dsn("archive"), "team": NOWHERE}
    store = await degraded(api, "database main: Secret chat-main does not exist")
    assert "database team" in condition(store, "Degraded")["message"]
    assert store["status"]["availableDatabases"] == "1/3"
    for each in ("main", "team"):
        await api.write_secret(f"chat-{each}", dsn=dsn(each))
    await api.until_condition("chat", "DatabasesResolved", "True", "AllResolved")
    healed = await api.deployed(other_than=mounted(found))
    assert await entries(api, healed) == {each: dsn(each) for each in IDS}


async def test_an_entry_that_the_spec_no_longer_means_is_not_kept(api: Api, deployment: Object) -> None:
    elsewhere = {"secretKeyRef": {"name": "chat-archive", "key": "other"}}

    await api.write_store(databases=databases(archive=elsewhere))

    await degraded(api, "database archive: Secret chat-archive has no key other")
    changed = await api.deployed(other_than=mounted(deployment))
    assert await entries(api, changed) == {"main": dsn("main"), "archive": NOWHERE, "team": dsn("team")}


@pytest.mark.usefixtures("operator")
async def test_a_service_of_somebody_else_does_not_stop_the_deployment(api: Api) -> None:
    await api.create(SERVICES, {"metadata": {"name": "chat"}, "spec": {"ports": [{"port": 1}]}})
    await api.write_secret("chat-main", dsn=dsn("main"))
    await api.write_store()

    await api.deployed()

    await degraded(api, "Service chat exists and does not belong to this store")


async def test_a_service_that_is_refused_does_not_stop_the_deployment(server: ApiServer, api: Api) -> None:
    async def refuse(call: Call) -> web.Response | None:
        return refusal(403, "Forbidden", "exceeded quota") if str(call) == "patch services/chat" else None

    await api.write_secret("chat-main", dsn=dsn("main"))
    async with Proxy.in_front_of(server) as proxy:
        proxy.before = refuse
        with operator_in(server, api.namespace, kubeconfig=proxy.kubeconfig(OPERATOR)):
            await api.write_store()
            await api.deployed()
            await degraded(api, "exceeded quota")
            proxy.meddle_no_more()
            await api.until(SERVICES, "chat")


def test_a_map_of_an_earlier_version_is_left_as_it_is() -> None:
    spec = store(database("main"), database("archive"))
    found = resolve(spec, {"chat-main": secret(dsn=dsn("main")), "chat-archive": None})
    earlier = {"metadata": {}, "data": {}}

    assert last_good.entries(spec, found, earlier) is None
    assert last_good.entries(spec, found, None) == {"archive": {"dsn": NOWHERE}}
