"""The operator's own probe."""

from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from session_operator.health import SILENT_SECONDS, STALLED_SECONDS, routes, verdict
from session_operator.listener import listening

from .apiserver import free_ports

WELL = {"secrets": SILENT_SECONDS - 1.0, "sessionstores": 0.0}
SILENT = WELL | {"pods": SILENT_SECONDS + 1.0}


@pytest.mark.parametrize(
    ("stalled_for", "ages", "status", "body"),
    [
        (0.0, {}, 200, {"status": "ok"}),
        (STALLED_SECONDS - 1.0, WELL, 200, {"status": "ok"}),
        (STALLED_SECONDS + 1.0, WELL, 503, {"status": "stalled", "seconds": STALLED_SECONDS + 1}),
        (0.0, SILENT, 503, {"status": "silent", "watches": ["pods"]}),
    ],
    ids=["a standby", "work and watches", "no work done", "a silent watch"],
)
async def test_it_fails_when_work_or_a_watch_does_not_go_on(
    stalled_for: float, ages: dict[str, float], status: int, body: dict[str, object]
) -> None:
    listen = f"127.0.0.1:{free_ports(1)[0]}"

    async with (
        listening(listen, routes(lambda: verdict(stalled_for, ages), CollectorRegistry())),
        aiohttp.request("GET", f"http://{listen}/healthz") as answer,
    ):
        assert (answer.status, await answer.json()) == (status, body)
