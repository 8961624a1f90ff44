"""What the operator tells of itself while it works on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from session_operator.kinds import LEASES, OWNED, PODS, REPLICA_SETS, STORES

from .api import Api
from .apiserver import OPERATOR
from .everything import served
from .process import Process

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(process: Process) -> Samples:
    assert await process.healthy()
    async with aiohttp.request("GET", f"http://127.0.0.1:{process.port}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    assert "secret" not in text.replace('watch="secrets"', "")
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"session_operator_{name}", frozenset(labels.items())]


async def until(process: Process, holds: Callable[[Samples], Any]) -> Samples:
    async with asyncio.timeout(20):
        while not holds(samples := await scrape(process)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return samples


async def test_it_counts_passes_requests_and_stores_and_tells_that_it_leads(api: Api, start: Any) -> None:
    process = start(OPERATOR, "--namespace", api.namespace)
    await served(api)

    samples = await until(process, lambda now: value(now, "stores", condition="Ready", status="True") == 1)

    assert value(samples, "leader") == 1
    assert value(samples, "stores", condition="Paused", status="False") == 1
    passes = value(samples, "reconciles_total", result="success")
    assert passes >= 2
    assert value(samples, "reconcile_duration_seconds_count") >= passes
    for verb in ("get", "list", "watch", "create", "patch"):
        assert any(
            name == "session_operator_api_requests_total" and dict(labels)["verb"] == verb and count > 0
            for (name, labels), count in samples.items()
        ), verb

    await api.delete(STORES, "chat")

    await until(process, lambda now: value(now, "stores", condition="Ready", status="True") == 0)
    await until(process, lambda now: (value(now, "queue_depth"), value(now, "queue_oldest_seconds")) == (0, 0))


async def test_every_watch_has_an_age_be_it_kopfs_or_its_own(api: Api, start: Any) -> None:
    process = start(OPERATOR, "--namespace", api.namespace)
    await served(api)

    samples = await scrape(process)

    ages = {dict(labels)["watch"]: age for (name, labels), age in samples.items() if name.endswith("watch_age_seconds")}
    assert ages.keys() == {kind.plural for kind in (STORES, *OWNED, REPLICA_SETS, PODS)}
    assert all(0 <= age < 60 for age in ages.values())


async def test_a_replica_that_waits_to_lead_says_so_and_is_well(api: Api, start: Any) -> None:
    other = {"holderIdentity": "somebody", "leaseDurationSeconds": 3600}
    await api.create(LEASES, {"metadata": {"name": "session-operator"}, "spec": other})
    process = start(OPERATOR, "--namespace", api.namespace, "--lease-namespace", api.namespace)

    assert value(await scrape(process), "leader") == 0
