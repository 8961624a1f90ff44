"""An API server that refuses some calls, and others who write at the same time: the end is the same."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from session_operator.kinds import DEPLOYMENTS, SERVICES, STORES
from tests.operator.api import Api, condition
from tests.operator.apiserver import OPERATOR, ApiServer
from tests.operator.conftest import operator_in
from tests.operator.everything import EVERYTHING, everything_named
from tests.operator.proxy import Call, Proxy, refusal

from .objects import objects

SPEC = {field: value for field, value in EVERYTHING.items() if field != "httpRoute"}


async def made(
    api: Api, server: ApiServer, kubeconfig: Path, *, wanted: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What an operator makes of a store with everything: what is wanted, else what stays as it is for a second."""
    await everything_named(api)
    with operator_in(server, api.namespace, kubeconfig=kubeconfig):
        await api.write_store(**SPEC)
        await api.until(STORES, "chat", lambda body: condition(body, "Progressing"), seconds=40)
        before, deadline = wanted, time.monotonic() + 40
        while (found := await objects(api)) != before and time.monotonic() < deadline:
            before = wanted or found
            await asyncio.sleep(1)  # until its own writes have come back to it as events
        return found


class Refusing:
    """Refuses each call the first time, and a part of the others, by the same dice each time."""

    def __init__(self, code: int, reason: str, headers: dict[str, str] | None = None, *, reads: bool = True) -> None:
        self._answer = (code, reason, "not now", headers)
        self._reads = reads
        self._dice = random.Random(7)
        self._seen: set[str] = set()
        self.refused: list[str] = []

    async def __call__(self, call: Call) -> web.Response | None:
        if not self._reads and call.verb in ("get", "list", "watch"):
            return None
        first = str(call) not in self._seen
        self._seen.add(str(call))
        if not first and self._dice.random() > 0.1:
            return None
        self.refused.append(str(call))
        return refusal(*self._answer)


@pytest.mark.parametrize(
    "refusing",
    [
        Refusing(429, "TooManyRequests", {"Retry-After": "1"}),
        Refusing(500, "InternalError"),
        Refusing(503, "ServiceUnavailable"),
        Refusing(409, "Conflict", reads=False),
    ],
    ids=["429", "500", "503", "409"],
)
@pytest.mark.timeout(120)
async def test_calls_that_are_refused_are_made_again_until_all_is_done(
    server: ApiServer, namespace: str, api: Api, refusing: Refusing
) -> None:
    calm = f"{namespace}-calm"
    await asyncio.to_thread(server.kubectl, "create", "namespace", calm)
    async with Api.connect(server, calm) as other:
        wanted = await made(other, server, server.kubeconfig(OPERATOR))

    async with Proxy.in_front_of(server) as proxy:
        proxy.before = refusing
        found = await made(api, server, proxy.kubeconfig(OPERATOR), wanted=wanted)
        proxy.meddle_no_more()

    assert found == wanted
    assert {"patch deployments/chat", "patch sessionstores/chat/status"} <= set(refusing.refused)


async def meddle(api: Api, until: asyncio.Event) -> int:
    """A second writer, which changes what the operator wants as well as what it leaves alone, as fast as it can."""
    rounds = 0
    while not until.is_set():
        rounds += 1
        number = str(rounds)
        for kind, patch in (
            (
                DEPLOYMENTS,
                {"metadata": {"annotations": {"second": number}}, "spec": {"progressDeadlineSeconds": rounds}},
            ),
            (SERVICES, {"metadata": {"annotations": {"second": number}}, "spec": {"selector": {"second": number}}}),
            (STORES, {"metadata": {"annotations": {"second": number}}, "spec": {"image": f"session:{rounds}"}}),
        ):
            await api.edit(kind, "chat", patch, manager="second")
    return rounds


@pytest.mark.usefixtures("operator")
async def test_a_second_writer_is_outlasted_and_keeps_what_is_its_own(api: Api) -> None:
    await everything_named(api)
    await api.write_store(replicas=2)
    await api.deployed()
    enough = asyncio.Event()
    writing = asyncio.create_task(meddle(api, enough))

    await asyncio.sleep(5)
    enough.set()
    rounds = await writing

    def is_as_wanted(body: Any) -> bool:
        image = body["spec"]["template"]["spec"]["containers"][0]["image"]
        return (image, body["spec"]["progressDeadlineSeconds"]) == (f"session:{rounds}", 180)

    assert rounds > 20
    deployment = await api.until(DEPLOYMENTS, "chat", is_as_wanted)
    service = await api.until(SERVICES, "chat", lambda body: "second" not in body["spec"]["selector"])
    store = await api.until(STORES, "chat", lambda body: body["status"]["observedGeneration"] == rounds + 1)
    for body in (deployment, service, store):
        assert body["metadata"]["annotations"]["second"] == str(rounds)
