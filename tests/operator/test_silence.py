"""An API server that keeps its connections and says nothing shows in the age of watches, kopf's among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from session_operator import controller as controllers
from session_operator.controller import Controller
from session_operator.kinds import PODS, STORES

from .api import Api
from .apiserver import ApiServer
from .conftest import operator_in, prepared_server


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of its own, for it is frozen."""
    with prepared_server() as running:
        yield running


def age(controller: Controller, watch: str) -> float:
    value = controller.metrics.registry.get_sample_value("session_operator_watch_age_seconds", {"watch": watch})
    return -1 if value is None else value


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_watches_grow_old_while_nobody_answers_and_are_young_again_afterwards(
    api: Api, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controllers, "WATCH_SECONDS", 1)
    with operator_in(server, api.namespace) as controller:
        await api.write_store()
        await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")
        await until(lambda: age(controller, STORES.plural) > 0.9)
        await until(lambda: age(controller, STORES.plural) < 0.5)  # reopened, though nothing changed

        with server.frozen():
            await until(lambda: age(controller, STORES.plural) > 4)
            await until(lambda: age(controller, PODS.plural) > 4)

        await until(lambda: 0 <= age(controller, STORES.plural) < 0.5)
