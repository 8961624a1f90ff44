"""A name in a spec is a name: no store makes the operator ask for anything outside of its own namespace."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections.abc import Iterator

import pytest
from aiohttp import web

from session_operator.kinds import DEPLOYMENTS, EVENTS, PODS, SECRETS, STORES, NotASegment, Segment
from session_operator.resource import Malformed, Object, SessionStore

from .api import Api, condition
from .apiserver import ApiServer
from .conftest import operator_in, prepared_server
from .definition import Field, in_place, leaves, spec_schema, spec_with, without
from .proxy import Call, Proxy, refusal
from .stores import body

EVIL = ("../../victim/secrets/x", "..", ".", "a/b", "a%2Fb", "a?b=c", "a#b")
NAMES = [
    field
    for field in leaves(spec_schema())
    if field.schema.get("type") == "string"
    and (field.name in ("name", "key", "namespace", "namespaces", "driver") or field.name.endswith("Name"))
    and "operator" not in field.siblings  # the key of a label, which has slashes
]
"""Every field that names an object, a key of one, a namespace, or a part of a pod: so also one that is added later."""


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of its own: its CustomResourceDefinition changes."""
    with prepared_server() as running:
        yield running


def store(name: str, field: Field, value: str) -> Object:
    return {
        "apiVersion": STORES.api_version,
        "kind": STORES.name,
        "metadata": {"name": name},
        "spec": spec_with(field, value),
    }


def test_the_names_are_those_that_specs_have() -> None:
    assert len(NAMES) > 25
    assert {field.name for field in NAMES} >= {"name", "key", "secretName", "claimName", "className", "namespace"}


@pytest.mark.parametrize("field", NAMES, ids=str)
async def test_the_definition_refuses_what_is_no_name(api: Api, field: Field) -> None:
    for value in EVIL:
        with pytest.raises(RuntimeError) as refused:
            await api.call("POST", STORES.path(api.namespace) + "?dryRun=All", store("chat", field, value))

        where = re.escape(str(field)).replace(r"\[\]", r"\[\d\]").replace(r"\{\}", r"\.\w+")
        assert re.search(rf"spec\.{where} in body should match '", str(refused.value)), (value, str(refused.value))


async def refused_stores(api: Api, count: int, *, seconds: float = 20) -> dict[str, Object]:
    """The Events that say of so many stores that their specs are refused."""
    async with asyncio.timeout(seconds):
        while True:
            events = [each for each in await api.list(EVENTS) if each["reason"] == "SpecRefused"]
            if len(told := {each["regarding"]["name"]: each for each in events}) >= count:
                return told
            await asyncio.sleep(0.2)


@pytest.mark.timeout(180)
async def test_a_store_from_before_the_patterns_reaches_nothing_outside_of_its_namespace(
    server: ApiServer, api: Api
) -> None:
    earlier = len(server.audit(None))
    victim = f"{api.namespace}-victim"
    await asyncio.to_thread(server.kubectl, "create", "namespace", victim)
    evil = tuple(value.replace("victim", victim) for value in EVIL)
    stores = {f"evil-{number}": (field, value) for number, (field, value) in enumerate(itertools.product(NAMES, evil))}
    async with in_place(server, api, without("pattern", "x-kubernetes-validations")):
        for name, (field, value) in stores.items():
            await api.create(STORES, store(name, field, value))
        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        await api.write_store("good")
        with operator_in(server, api.namespace):
            await api.deployed("good", seconds=60)
            await refused_stores(api, len(stores), seconds=60)
            written = await api.list(STORES)
            made = [each["metadata"]["name"] for kind in (DEPLOYMENTS, SECRETS) for each in await api.list(kind)]

    watched = [event for event in server.audit(None)[earlier:] if event["objectRef"].get("resource")]
    assert {event["objectRef"].get("namespace") for event in watched} == {api.namespace}
    assert {event["responseStatus"]["code"] for event in watched} <= {200, 201, 404}
    for event in watched:
        path = event["requestURI"].partition("?")[0]
        assert re.fullmatch(rf"/apis?/[a-z0-9./]+/namespaces/{api.namespace}/[a-z]+(/[a-z0-9.-]+(/status)?)?", path), (
            path
        )
    assert not [name for name in made if name.startswith("evil-")]
    for each in written:
        if each["metadata"]["name"] in stores:
            field, _ = stores[each["metadata"]["name"]]
            degraded = condition(each, "Degraded")
            assert (degraded["status"], degraded["reason"]) == ("True", "SpecRefused")
            assert re.sub(r"\[\d\]", "[]", degraded["message"]).startswith(f"spec.{field}: "), degraded["message"]
            assert condition(each, "Ready")["status"] == "False"


async def test_a_refused_store_whose_status_cannot_be_written_has_an_event_and_a_log_line(
    server: ApiServer, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    field = next(each for each in NAMES if each.name == "name")

    async def refuse(call: Call) -> web.Response | None:
        return refusal(422, "Invalid", "not with such a spec") if str(call).endswith("/status") else None

    async with (
        in_place(server, api, without("pattern", "x-kubernetes-validations")),
        Proxy.in_front_of(server) as proxy,
    ):
        proxy.before = refuse
        await api.create(STORES, store("evil", field, EVIL[0]))
        user = "system:serviceaccount:session-operator:session-operator"
        with caplog.at_level(logging.WARNING), operator_in(server, api.namespace, kubeconfig=proxy.kubeconfig(user)):
            told = await refused_stores(api, 1)

    assert told["evil"]["type"] == "Warning"
    assert EVIL[0] not in told["evil"]["note"]
    assert any(f"{api.namespace}/evil: refused: spec.{field}".replace("[]", "[0]") in line for line in caplog.messages)


@pytest.mark.parametrize("field", NAMES, ids=str)
def test_a_spec_with_what_is_no_name_is_not_read(field: Field) -> None:
    for value in (*EVIL, "a\n", ["a"], "a" * 400 + "/../x"):
        with pytest.raises(Malformed):
            SessionStore.parse(body(**spec_with(field, value)))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [*EVIL, "", "a\n", "a b", "ä", "a:b", "a;b", "a\\b", "a@b", "%2e%2e"])
def test_a_path_is_made_of_single_segments(text: str) -> None:
    for arguments in ((text, "a", "a"), ("a", text, "a"), ("a", "a", text), (None, text, None), (text, None, None)):
        with pytest.raises(NotASegment):
            PODS.path(*arguments)
    with pytest.raises(NotASegment):
        Segment(text)


@pytest.mark.parametrize("text", ["a", "chat.example", "chat-dsn-map-0a1b", "a..b", "A_b"])
def test_a_name_is_a_segment_as_it_is(text: str) -> None:
    assert PODS.path(text, text) == f"/api/v1/namespaces/{text}/pods/{text}"
