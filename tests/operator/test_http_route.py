"""A cluster without the Gateway API."""

from __future__ import annotations

import pytest

from session_operator.kinds import HTTP_ROUTES, STORES

from . import gateway_api
from .api import Api, condition
from .apiserver import ApiServer
from .controllers import roll_out


@pytest.mark.usefixtures("operator")
async def test_a_route_is_made_once_the_cluster_serves_routes_and_all_else_does_not_wait_for_it(
    api: Api, server: ApiServer
) -> None:
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.write_store(httpRoute={"parentRefs": [{"name": "web"}]})
    await api.deployed()
    await roll_out(api)
    await api.until_condition("chat", "Ready", "True", "PodsReady")
    store = await api.until_condition("chat", "Degraded", "True", "GatewayApiMissing")
    assert "install the Gateway API" in condition(store, "Degraded")["message"]

    gateway_api.install(server)

    await api.until(HTTP_ROUTES, "chat", seconds=30)
    await api.until_condition("chat", "Degraded", "False", "AsExpected")
    assert condition(await api.until(STORES, "chat"), "Ready")["status"] == "True"
