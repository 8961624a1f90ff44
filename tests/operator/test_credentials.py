"""Keys and certificates of Secrets: pods get them by reference, and a store waits for those that are missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from session_operator.kinds import CONFIG_MAPS, DEPLOYMENTS, SECRETS, STORES
from session_operator.render.pod import AUTH_ANNOTATION
from session_operator.resource import Object

from .api import Api, condition, mounted
from .everything import EVERYTHING, KEY, everything_named, served

pytestmark = pytest.mark.usefixtures("operator")


def key_version(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["metadata"]["annotations"][AUTH_ANNOTATION])


async def test_a_changed_key_rolls_the_pods_and_no_object_holds_it(api: Api) -> None:
    first = await served(api, auth={"securityKey": KEY})
    before = key_version(first)

    await api.edit(SECRETS, "chat-auth", {"metadata": {"annotations": {"note": "1"}}, "data": {"other": "YQ=="}})
    await api.write_secret("chat-main", dsn="postgresql://agno:rotated@db:5432/agno")  # a pass after that
    await api.until(DEPLOYMENTS, "chat", lambda body: mounted(body) != mounted(first))
    deployment = await api.get(DEPLOYMENTS, "chat")
    assert deployment
    assert key_version(deployment) == before

    await api.write_secret("chat-auth", key="c4nary-key")
    await api.until(DEPLOYMENTS, "chat", lambda body: key_version(body) != before)

    for kind in (DEPLOYMENTS, STORES):
        assert "c4nary" not in json.dumps(await api.get(kind, "chat"))
    maps = [each for each in await api.list(SECRETS) if "dsn-map" in each["metadata"]["name"]]
    assert all(list(each["data"]) == ["dsn-map.json"] for each in maps)


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        (SECRETS, "chat-auth", "SecretMissing"),
        (SECRETS, "chat-ca", "SecretMissing"),
        (CONFIG_MAPS, "chat-jwks", "ConfigMapMissing"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
async def test_a_store_waits_for_what_its_pods_would_wait_for(api: Api, kind: Any, name: str, reason: str) -> None:
    await everything_named(api)
    there = await api.until(kind, name)
    await api.delete(kind, name)
    await api.write_store(**EVERYTHING)
    store = await api.until_condition("chat", "Degraded", "True", reason)
    assert f"{kind.name} {name} does not exist: create it with the key" in condition(store, "Degraded")["message"]
    assert condition(store, "Ready")["status"] == "False"
    assert await api.get(DEPLOYMENTS, "chat") is None

    await api.apply(kind, name, {"data": there["data"]})

    await api.deployed(seconds=40)


async def test_a_certificate_that_lacks_its_key_is_told_of_its_database(api: Api) -> None:
    await everything_named(api)
    await api.edit(SECRETS, "chat-client", {"data": {"tls.key": None}})
    await api.write_store(**EVERYTHING)

    store = await api.until_condition("chat", "DatabasesResolved", "False", "SecretKeyMissing")

    message = "database main: tls: Secret chat-client has no key tls.key: add it"
    assert condition(store, "DatabasesResolved")["message"] == message
    assert store["status"]["databases"][0]["state"] == "SecretKeyMissing"
