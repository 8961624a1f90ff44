"""The operator's own probe."""

from __future__ import annotations

import aiohttp
import pytest

from session_operator.health import STALLED_SECONDS, serving_health

from .apiserver import free_ports


@pytest.mark.parametrize(
    ("seconds", "status", "word"),
    [(0.0, 200, "ok"), (STALLED_SECONDS - 1.0, 200, "ok"), (STALLED_SECONDS + 1.0, 503, "stalled")],
)
async def test_it_fails_when_work_does_not_go_on(seconds: float, status: int, word: str) -> None:
    listen = f"127.0.0.1:{free_ports(1)[0]}"

    async with (
        serving_health(listen, lambda: seconds),
        aiohttp.request("GET", f"http://{listen}/healthz") as answer,
    ):
        assert (answer.status, await answer.json()) == (status, {"status": word})
