"""Watches go on where they ended, and notice what happened while nobody told them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from session_operator.errors import ApiError
from session_operator.heartbeats import Heartbeats
from session_operator.kinds import SERVICES, STORES, Kind
from session_operator.queue import WorkQueue
from session_operator.reconcile import Reconciler
from session_operator.resource import Key, Object
from session_operator.watches import Watches

CHAT, TEAM = Key("default", "chat"), Key("default", "team")


def item(name: str, version: str) -> Object:
    labels = {"app.kubernetes.io/instance": name}
    return {"metadata": {"namespace": "default", "name": name, "resourceVersion": version, "labels": labels}}


class Script:
    """An API server of which the watch of Services goes as written; a real one can't be made to end a watch at will."""

    def __init__(self, *turns: list[Any]) -> None:
        self.turns = list(turns)
        self.since: list[str] = []

    @asynccontextmanager
    async def watch_metadata(
        self, kind: Kind, namespace: str | None, *, since: str, **_: Any
    ) -> AsyncIterator[AsyncIterator[tuple[str, Object]]]:
        if kind is not SERVICES:
            await asyncio.Event().wait()
        self.since.append(since)
        yield self._events(self.turns.pop(0) if self.turns else None)

    async def _events(self, turn: list[Any] | None) -> AsyncIterator[tuple[str, Object]]:
        if turn is None:
            await asyncio.Event().wait()
        for each in turn or ():
            if isinstance(each, Exception):
                raise each
            yield each

    async def list(self, kind: Kind, namespace: str | None, **_: Any) -> AsyncIterator[Object]:
        assert kind is STORES
        yield item("team", "1")


async def watched(script: Script) -> list[Key]:
    """The keys that were put on the queue until the script was over."""
    queue: WorkQueue[Key] = WorkQueue()
    cluster: Any = script
    watches = Watches(cluster, "default", Reconciler(cluster), queue, Heartbeats())
    running = asyncio.create_task(watches.run(3600))
    turns = len(script.turns) + 1
    async with asyncio.timeout(10):
        while len(script.since) < turns:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    seen: list[Key] = []

    async def handle(key: Key) -> None:
        seen.append(key)

    worker = asyncio.create_task(queue.work(handle))
    while not queue.idle():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    for task in (running, worker):
        task.cancel()
    await asyncio.gather(running, worker, return_exceptions=True)
    return seen


async def test_a_watch_goes_on_from_the_last_change_after_the_first_bookmark() -> None:
    script = Script([("ADDED", item("chat", "7")), ("BOOKMARK", item("", "9")), ("MODIFIED", item("chat", "12"))])

    assert await watched(script) == [CHAT]
    assert script.since == ["", "12"]


async def test_a_watch_that_broke_before_it_knew_all_begins_anew_and_every_store_is_looked_at() -> None:
    script = Script([("ADDED", item("chat", "7")), TimeoutError()])

    assert sorted(await watched(script)) == [CHAT, TEAM]
    assert script.since == ["", ""]


@pytest.mark.parametrize("error", [ApiError(410, "Expired", "too old"), ApiError(500, "InternalError", "")])
async def test_a_watch_whose_version_is_too_old_begins_anew_and_every_store_is_looked_at(error: ApiError) -> None:
    script = Script([("BOOKMARK", item("", "9"))], [error])

    assert await watched(script) == [TEAM]
    assert script.since == ["", "9", ""]


async def test_an_object_that_names_no_store_asks_for_none() -> None:
    """Anybody may label a Secret as the operator does: without a name, its key would stand for all stores."""
    script = Script([("BOOKMARK", item("", "6")), ("ADDED", item("", "7")), ("ADDED", item("chat", "8"))])

    assert await watched(script) == [CHAT]


async def test_of_a_watch_the_path_counts_that_heard_nothing_for_longest() -> None:
    heartbeats = Heartbeats()
    heartbeats.heard("secrets", "/api/v1/namespaces/a/secrets")
    await asyncio.sleep(0.03)
    heartbeats.heard("secrets", "/api/v1/namespaces/b/secrets")

    assert heartbeats.ages()["secrets"] >= 0.03
    heartbeats.heard("secrets", "/api/v1/namespaces/a/secrets")
    assert heartbeats.ages()["secrets"] < 0.03
