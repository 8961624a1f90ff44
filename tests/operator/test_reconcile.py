"""What becomes of a SessionStore on a real API server."""

from __future__ import annotations

import base64
import json

import pytest
from session_operator.cluster import DEPLOYMENTS, SECRETS, SERVICE_ACCOUNTS, SERVICES, STORES

from .api import Api, condition, mounted

pytestmark = pytest.mark.usefixtures("operator")
DSN = "postgresql://agno:secret@db:5432/agno"


async def test_a_store_becomes_a_deployment_a_service_and_a_dsn_map(api: Api) -> None:
    await api.write_secret("chat-main", dsn=DSN)
    await api.write_store()

    deployment = await api.deployed()

    secret = await api.until(SECRETS, mounted(deployment))
    assert secret["immutable"] is True
    written = json.loads(base64.b64decode(secret["data"]["dsn-map.json"]))
    assert written["main"]["dsn"] == DSN
    assert (await api.until(SERVICES, "chat"))["spec"]["ports"][0]["port"] == 80
    assert (await api.until(SERVICE_ACCOUNTS, "chat"))["automountServiceAccountToken"] is False
    store = await api.until_condition("chat", "Progressing", "True", "RolloutInProgress")
    assert store["status"]["dsnMap"] == mounted(deployment)
    assert store["status"]["databases"] == [{"id": "main", "source": "Secret/chat-main", "state": "Resolved"}]
    assert condition(store, "Ready")["status"] == "False"
