"""Monitoring on a cluster that begins without prometheus-operator, and names that others have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from session_operator.kinds import PROMETHEUS_RULES, SERVICE_MONITORS, SERVICES

from . import prometheus_operator
from .api import Api, condition
from .apiserver import ApiServer
from .conftest import prepared_server
from .controllers import roll_out
from .everything import served

MONITORING = {"serviceMonitor": {}, "prometheusRule": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server of its own: what is installed in it stays."""
    with prepared_server() as running:
        yield running


@pytest.mark.usefixtures("operator")
async def test_monitors_and_rules_are_made_once_the_cluster_serves_them_and_all_else_does_not_wait_for_it(
    api: Api, server: ApiServer
) -> None:
    await served(api, monitoring=MONITORING)
    store = await api.until_condition("chat", "Degraded", "True", "PrometheusOperatorMissing")
    assert condition(store, "Ready")["status"] == "True"
    assert condition(store, "Degraded")["message"] == (
        "the cluster does not serve ServiceMonitors: install prometheus-operator, or leave monitoring.serviceMonitor "
        "out; the cluster does not serve PrometheusRules: install prometheus-operator, or leave "
        "monitoring.prometheusRule out"
    )

    prometheus_operator.install(server)

    await api.until(SERVICE_MONITORS, "chat", seconds=30)
    await api.until(PROMETHEUS_RULES, "chat")
    await api.until_condition("chat", "Degraded", "False", "AsExpected")


@pytest.mark.usefixtures("operator")
async def test_the_service_of_metrics_comes_and_goes_with_monitoring_and_the_pods_with_it(api: Api) -> None:
    before = await served(api)
    assert await api.get(SERVICES, "chat-metrics") is None

    await api.write_store(monitoring={})
    await api.until(SERVICES, "chat-metrics")
    assert (await api.deployed())["metadata"]["generation"] > before["metadata"]["generation"]
    await api.write_store()

    await api.gone(SERVICES, "chat-metrics")
    assert (await api.deployed())["spec"]["template"] == before["spec"]["template"]
    assert await api.get(SERVICES, "chat") is not None


@pytest.mark.usefixtures("operator")
async def test_a_store_that_is_named_like_the_metrics_of_another_keeps_its_service(api: Api) -> None:
    await served(api)
    await api.write_store("chat-metrics")
    await roll_out(api, "chat-metrics")
    theirs = await api.until(SERVICES, "chat-metrics")

    await api.write_store(monitoring={})

    store = await api.until_condition("chat", "Degraded", "True", "NameTaken")
    assert "Service chat-metrics exists and does not belong to this store" in condition(store, "Degraded")["message"]
    assert await api.get(SERVICES, "chat-metrics") == theirs
    await api.write_store()
    await roll_out(api)
    await api.until_condition("chat", "Degraded", "False", "AsExpected")
    assert await api.get(SERVICES, "chat-metrics") == theirs
