"""An operator that is killed at any of its calls leaves nothing that the next one does not bring to the same end."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from session_operator.kinds import STORES
from tests.operator.api import Api, condition
from tests.operator.apiserver import OPERATOR, ApiServer
from tests.operator.everything import EVERYTHING, everything_named
from tests.operator.proxy import Call, Proxy

from .objects import objects
from .zygote import Zygote, kill

SPEC = {field: value for field, value in EVERYTHING.items() if field != "httpRoute"}
AT_ONCE = 3


def name(call: Call) -> str:
    return re.sub("(?<=-dsn-map-)[0-9a-f]{10}", "*", str(call))


class Scene:
    """A namespace with a store that no operator has seen yet, behind a proxy of its own."""

    def __init__(self, server: ApiServer, zygote: Zygote, directory: Path, namespace: str) -> None:
        self._server = server
        self._zygote = zygote
        self._log = directory / f"{namespace}.log"
        self.namespace = namespace

    def operate(self, through: Proxy) -> int:
        return self._zygote.fork(through.kubeconfig(OPERATOR), self._log, f"--namespace={self.namespace}")

    async def prepare(self, api: Api) -> None:
        created = await asyncio.to_thread(self._server.kubectl, "create", "namespace", self.namespace)
        assert created.returncode == 0, created.stderr
        await everything_named(api)
        await api.write_store(**SPEC)

    async def undisturbed(self) -> tuple[list[str], dict[str, Any]]:
        """The calls of an operator until its work is done, and what it made."""
        async with Proxy.in_front_of(self._server) as proxy, Api.connect(self._server, self.namespace) as api:
            await self.prepare(api)
            pid = self.operate(proxy)
            try:
                await api.until(STORES, "chat", lambda body: condition(body, "Progressing"))
                await asyncio.sleep(2)  # until its own writes have come back to it as events
                return list(dict.fromkeys(map(name, proxy.calls))), await objects(api)
            finally:
                kill(pid)

    async def killed_at(self, call: str, wanted: dict[str, Any]) -> str | None:
        """Kill one operator when this call of it was carried out and not answered; says what the next one lacks."""
        async with Proxy.in_front_of(self._server) as proxy, Api.connect(self._server, self.namespace) as api:
            await self.prepare(api)
            reached = asyncio.Event()

            async def strike(made: Call) -> web.StreamResponse | None:
                if name(made) == call and not reached.is_set():
                    kill(pid)
                    reached.set()
                return None

            proxy.after = strike
            pid = self.operate(proxy)
            try:
                async with asyncio.timeout(20):
                    await reached.wait()
            except TimeoutError:
                kill(pid)
                return f"{call}: was not called again"
            pid = self.operate(proxy)
            try:
                return await self._converges(api, call, wanted)
            finally:
                kill(pid)

    async def _converges(self, api: Api, call: str, wanted: dict[str, Any]) -> str | None:
        found: dict[str, Any] = {}
        for _ in range(100):
            found = await objects(api)
            if found == wanted:
                return None
            await asyncio.sleep(0.2)
        differing = {key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)}
        return f"{call}: {', '.join(sorted(differing))} did not come to be as without the kill"


@pytest.mark.timeout(300)
async def test_killed_at_any_call_of_a_first_pass_another_operator_ends_where_the_first_would_have(
    server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    with Zygote.ready() as zygote:
        calls, wanted = await Scene(server, zygote, tmp_path, f"{namespace}-calm").undisturbed()
        free = asyncio.Semaphore(AT_ONCE)

        async def killed(number: int, call: str) -> str | None:
            async with free:
                return await Scene(server, zygote, tmp_path, f"{namespace}-kill-{number}").killed_at(call, wanted)

        losses = await asyncio.gather(*(killed(number, call) for number, call in enumerate(calls)))

    print(f"killed at each of {len(calls)} calls:", *calls, sep="\n  ")
    assert {"patch deployments/chat", "patch sessionstores/chat/status", "list secrets", "watch secrets"} <= set(calls)
    assert [loss for loss in losses if loss] == []
