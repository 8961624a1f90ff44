"""What others write into `managedFields` may be deeper than Python reads: no object ends the operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from session_operator.kinds import SECRETS, SERVICES, STORES, Kind
from session_operator.resource import Object
from session_operator.shallow import loads

from .api import Api
from .apiserver import OPERATOR, ApiServer
from .process import Process

SPEC = {"databases": [{"id": "main", "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}}]}
LABELS = {"app.kubernetes.io/managed-by": "session-operator", "app.kubernetes.io/instance": "chat"}
BODIES: dict[Kind, Object] = {STORES: {"spec": SPEC}, SECRETS: {}, SERVICES: {"spec": {"ports": [{"port": 80}]}}}


def nested(levels: int, leaf: str = "{}") -> str:
    return '{"f:a":' * levels + leaf + "}" * levels


async def create_deep(server: ApiServer, api: Api, kind: Kind, name: str) -> None:
    entry = {"manager": "m", "operation": "Update", "apiVersion": kind.api_version, "fieldsType": "FieldsV1"}
    metadata = {"name": name, "labels": LABELS, "managedFields": [entry | {"fieldsV1": "DEEP"}]}
    body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata} | BODIES[kind]
    text = json.dumps(body).replace('"DEEP"', nested(1200))
    done = await asyncio.to_thread(server.kubectl, "create", "--raw", kind.path(api.namespace), "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    assert nested(1200) in done.stdout


@pytest.mark.parametrize("earlier", [True, False], ids=["listed", "watched"])
async def test_a_deep_object_ends_nothing(
    server: ApiServer, api: Api, start: Callable[..., Process], earlier: bool
) -> None:
    async def create() -> None:
        for kind in BODIES:
            await create_deep(server, api, kind, f"deep-{kind.plural}")

    if earlier:
        await create()
    process = start(OPERATOR, "--namespace", api.namespace)
    await api.write_store()
    await api.until_condition("chat", "DatabasesResolved", "False", "SecretMissing")
    if not earlier:
        await create()
    await api.write_secret("chat-main", dsn="postgresql://agno:secret@db:5432/agno")
    await api.deployed()
    await api.deployed("deep-sessionstores")

    assert await process.healthy()
    assert "RecursionError" not in process.log


@pytest.mark.parametrize("levels", [0, 1, 98, 99, 100, 500, 1200, 9990, 100_000])
def test_of_what_is_too_deep_the_rest_is_read(levels: int) -> None:
    text = f'{{"a": {nested(levels)}, "b": "\\"{{{{[[\\\\", "c": [{nested(levels)}, {{"d": 1}}], "e": "ä"}}'

    read = loads(text.encode())
    assert (read["b"], read["c"][1], read["e"]) == ('"{{[[\\', {"d": 1}, "ä")
    assert levels == 0 or "f:a" in read["a"]
    if levels < 500:
        assert read == json.loads(text)
    for wrong in (text[:-1], text + "x", text[: 8 + 6 * levels], text.replace(', "b"', ' "b"')):
        with pytest.raises(ValueError, match=r"malformed|truncated|cut short"):
            loads(wrong.encode())
