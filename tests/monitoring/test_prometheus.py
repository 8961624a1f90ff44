"""A real Prometheus scrapes a real service, evaluates the rules, and answers what the dashboard asks."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.service.process import serving

from .test_names import EXPRESSIONS

ROOT = Path(__file__).parents[2]
RULES = ROOT / "manifests/monitoring/rules/session-service.yaml"
# one database that is away, and none that answers: nothing but the service is needed
AWAY = {"AGNO_SESSION_DSN_MAP": '{"main": "postgresql://agno@127.0.0.1:1/agno"}'}
PANELS = {place: expression for place, expression in EXPRESSIONS.items() if place.startswith("agno-session-service: ")}
# what has no series before a database was seen, or without a replica
QUIET = {"Layout", "Read-only replicas"}

pytestmark = pytest.mark.timeout(120, func_only=True)


@pytest.fixture
async def prometheus(prometheus_program: str, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Prometheus, once it has scraped the service for some seconds; the labels are those of a ServiceMonitor."""
    async with serving(AGNO_ADMIN_PORT="0", **AWAY) as service:
        admin = (await service.admin_url()).removeprefix("http://")
        labels = {"namespace": "shop", "pod": "chat-1"}
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES.resolve())],
            "scrape_configs": [
                {"job_name": "chat-metrics", "static_configs": [{"targets": [admin], "labels": labels}]}
            ],
        }
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        with (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                prometheus_program,
                f"--config.file={tmp_path}/prometheus.yml",
                f"--storage.tsdb.path={tmp_path}/data",
                "--web.listen-address=127.0.0.1:0",
                stdout=log,
                stderr=log,
            )
        try:
            async with aiohttp.ClientSession(await address(tmp_path / "log")) as client:
                await until_scraped(client, service.url)
                yield client
        finally:
            process.terminate()
            await process.wait()


@pytest.fixture(scope="session")
def prometheus_program() -> str:
    words = [ROOT / "tests/debian.sh", "prometheus", "usr/bin/prometheus"]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.strip()


async def address(log: Path) -> str:
    """Where it listens, which its log tells."""
    async with asyncio.timeout(30):
        while True:
            for line in (await asyncio.to_thread(log.read_text)).splitlines():
                if "Listening on" in line:
                    return "http://" + line.rpartition("address=")[2]
            await asyncio.sleep(0.1)


async def until_scraped(client: aiohttp.ClientSession, service: str) -> None:
    async with aiohttp.ClientSession(service) as reader:
        for _ in range(100):
            async with reader.get("/sessions") as answer:
                assert answer.status == 503
            if len(await query(client, "count_over_time(agno_session_http_requests_in_flight[1m]) >= 5")):
                return
            await asyncio.sleep(0.5)
    raise TimeoutError("Prometheus scraped nothing")


async def query(client: aiohttp.ClientSession, expression: str) -> list[Any]:
    async with client.get("/api/v1/query", params={"query": expression}) as answer:
        body = json.loads(await answer.text())
    assert body["status"] == "success", f"{expression}: {body}"
    found: list[Any] = body["data"]["result"]
    return found


async def test_rules_are_evaluated_and_panels_find_something(prometheus: aiohttp.ClientSession) -> None:
    async with prometheus.get("/api/v1/rules") as answer:
        (group,) = (await answer.json())["data"]["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(
        {rule["name"] for rule in group["rules"]}, "ok"
    )
    states = {rule["name"]: rule["state"] for rule in group["rules"]}
    assert {name for name, state in states.items() if state != "inactive"} >= {"SessionDatabaseDown"}
    assert states["SessionAuthFailuresSpike"] == "inactive"

    empty = []
    for place, expression in PANELS.items():
        if not expression.startswith("label_values("):
            for name, value in {"$__rate_interval": "30s", "$namespace": ".*", "$job": ".*", "$database": ".*"}.items():
                expression = expression.replace(name, value)
            if not await query(prometheus, expression):
                empty.append(place)
    assert {place.removeprefix("agno-session-service: ").rpartition(" ")[0] for place in empty} == QUIET
