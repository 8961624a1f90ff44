"""An unchanged store costs reads only."""

from __future__ import annotations

import asyncio

from session_operator.kinds import SERVICES

from .api import Api
from .apiserver import ApiServer
from .conftest import operator_in
from .controllers import pod, roll_out

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


async def test_a_hundred_resyncs_of_an_unchanged_store_write_nothing(api: Api, server: ApiServer) -> None:
    def passes() -> int:
        return sum(
            (event["verb"], event["objectRef"]["resource"]) == ("get", "sessionstores")
            for event in server.audit(api.namespace)
        )

    with operator_in(server, api.namespace, resync=0.02):
        await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
        # Quantities that the API server writes in another way than the user did
        await api.write_store(resources={"requests": {"cpu": "0.1", "memory": "131072Ki"}}, replicas=1)
        deployment = await api.deployed()
        await pod(api, deployment, "chat-0", ready=True)
        await roll_out(api)
        await api.until_condition("chat", "Ready", "True", "PodsReady")
        await api.until(SERVICES, "chat")
        settled, before = passes(), len(server.audit(api.namespace))
        while passes() < settled + 100:  # noqa: ASYNC110 - a log file has no event
            await asyncio.sleep(0.2)

    events = server.audit(api.namespace)[before:]
    assert not [event for event in events if event["verb"] in WRITES]
