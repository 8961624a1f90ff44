"""What the stores of one namespace cost, however many there are and whatever their pods do, others do not wait for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest

from session_operator.kinds import STORES
from session_operator.observation import ASKED_IN_ALL, ASKED_OF_ONE, Observer

from . import hostile
from .api import Api
from .apiserver import ApiServer
from .conftest import operator_in
from .controllers import pod, roll_out
from .hostile import pod_that_hangs, pod_that_sends
from .test_hostile_pods import url

STORES_THAT_HANG, PODS_OF_EACH = 8, 40


@asynccontextmanager
async def many_that_hang(server: ApiServer, namespace: str) -> AsyncIterator[Api]:
    """Stores of one namespace with 320 pods that accept and say nothing."""
    assert (await asyncio.to_thread(server.kubectl, "create", "namespace", namespace)).returncode == 0
    async with Api.connect(server, namespace) as api, pod_that_hangs() as port:

        async def store(name: str) -> None:
            await api.write_store(name)
            deployment = await api.deployed(name, seconds=60)
            for number in range(PODS_OF_EACH):
                await pod(api, deployment, f"{name}-{number}", ready=True, address="127.0.0.1", port=port)
            await roll_out(api, name, pods=PODS_OF_EACH)

        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        await asyncio.gather(*(store(f"hangs-{number}") for number in range(STORES_THAT_HANG)))
        yield api


@pytest.mark.timeout(180)
async def test_a_store_is_looked_at_while_320_pods_of_another_namespace_hang(server: ApiServer, api: Api) -> None:
    said = ["serving"]
    hanging = f"{api.namespace}-hangs"

    def answer() -> bytes:
        return hostile.answer(json.dumps({"databases": [{"id": "main", "state": said[0]}]}).encode())

    with operator_in(server, api.namespace, hanging, resync=0.5):
        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        await api.write_store()
        deployment = await api.deployed()
        async with pod_that_sends(lambda: iter([answer()])) as port, many_that_hang(server, hanging):
            await pod(api, deployment, "chat-0", ready=True, address="127.0.0.1", port=port)
            await roll_out(api)
            waits = []
            for state in ("unreachable", "serving", "unreachable", "serving"):
                said[0], begun = state, time.monotonic()
                wanted = state.capitalize()
                await api.until(
                    STORES,
                    "chat",
                    lambda body: body["status"]["databases"][0].get("asSeenByPods") == wanted,  # noqa: B023
                    seconds=60,
                )
                waits.append(time.monotonic() - begun)
    print(f"seen after {', '.join(f'{wait:.1f}' for wait in waits)} s")
    assert max(waits) < 5


async def test_pods_of_one_store_that_hang_take_a_part_of_the_questions_and_of_the_time() -> None:
    cluster: Any = None  # which is not asked for this
    observer = Observer(cluster)
    async with pod_that_hangs() as hanging, pod_that_sends(lambda: iter([hostile.answer(b"{}")])) as well:
        urls = {f"hangs-{number}": url(hanging) for number in range(100)}
        stores = [{"well": url(well)} | urls for _ in range(8)]
        begun, most = time.monotonic(), {"one": 0, "all": 0}
        for which, looks in (("one", stores[:1]), ("all", stores)):
            looking = asyncio.gather(*map(observer.answers, looks))
            while not looking.done():
                most[which] = max(most[which], connections(hanging))
                await asyncio.sleep(0.01)
            answers = await looking
            assert which == "all" or answers == [{"well": b"{}"}]
        took = time.monotonic() - begun

    print(f"{most} at a time, {took:.1f} s")
    assert most == {"one": ASKED_OF_ONE, "all": ASKED_IN_ALL}
    assert took < 8


def connections(port: int) -> int:
    """How many connections there are to a port of this machine, seen from this process."""
    return sum(each.raddr != () and each.raddr.port == port for each in psutil.Process().net_connections("tcp"))
