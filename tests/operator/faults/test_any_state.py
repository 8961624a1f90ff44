"""Statuses and owned objects with any of their fields changed or gone, in any order: it comes to the same, and no pass
fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from session_operator.kinds import INSTALLABLE, OWNED, STORES, Kind
from session_operator.reasons import CONDITIONS
from session_operator.resource import MANAGER, Object
from tests.operator.api import Api, condition
from tests.operator.apiserver import ApiServer
from tests.operator.conftest import operator_in
from tests.operator.everything import EVERYTHING, everything_named

from .objects import objects

SPEC = {field: value for field, value in EVERYTHING.items() if field != "httpRoute"}
OTHERS: tuple[Any, ...] = ("x", 1, True, "1")
Path = tuple[str, ...]


def fields(owned: Any, path: Path = ()) -> Iterator[Path]:
    """The ways to what the operator set, of FieldsV1; a merge patch changes lists as a whole."""
    for key, below in owned.items():
        if key.startswith("f:"):
            yield (*path, key[2:])
            yield from fields(below, (*path, key[2:]))


def ours(item: Object) -> Object:
    """What the operator set of an object."""
    entries = item["metadata"]["managedFields"]
    found: Object = next(each["fieldsV1"] for each in entries if each["manager"] == MANAGER)
    return found


def patch_of(path: Path, value: Any) -> Any:
    return {path[0]: patch_of(path[1:], value)} if path else value


def some_status(dice: random.Random, status: Object) -> Object:
    """A patch of a status that the API server takes."""
    conditions = copy.deepcopy(status.get("conditions", []))
    for each in conditions:
        each["status"] = dice.choice(["True", "False", "Unknown"])
        each["reason"] = dice.choice([each["reason"], "Foreign"])
        if dice.random() < 0.3:
            each.pop("observedGeneration", None)
    foreign = [{**conditions[0], "type": "Foreign"}] if conditions else []
    kept: Any = dice.choice([None, [], foreign, dice.sample(conditions, dice.randrange(len(conditions) + 1))])
    changes: list[Object] = [
        {"conditions": kept},
        {"conditions": kept, "observedGeneration": dice.choice([None, -1, 0, 1, 99])},
        {"databases": dice.choice([None, [], [{"id": "main"}]]), "dsnMap": dice.choice([None, "x"])},
        dict.fromkeys(status),
    ]
    return dice.choice(changes)


async def upset(api: Api, dice: random.Random) -> str:
    """Change something; says what. What the API server refuses changes nothing."""
    with contextlib.suppress(RuntimeError):
        if dice.random() < 0.3:
            store = await api.get(STORES, "chat")
            assert store
            patch = {"status": some_status(dice, store.get("status", {}))}
            await api.edit(STORES, "chat", patch, subresource="status")
            return f"status {patch}"
        kind: Kind = dice.choice([each for each in OWNED if each not in INSTALLABLE])
        items = await api.list(kind)
        items = [each for each in items if MANAGER in str(each["metadata"]["managedFields"])]
        if not items:
            return ""
        item = dice.choice(items)
        name = item["metadata"]["name"]
        if dice.random() < 0.25:
            await api.delete(kind, name)
            return f"{kind.name} {name} deleted"
        path = dice.choice([each for each in fields(ours(item)) if len(each) > 1])
        value = dice.choice([None, None, *OTHERS])
        await api.edit(kind, name, patch_of(path, value))
        return f"{kind.name} {name}: {'.'.join(path)} = {value}"
    return ""


async def alike(api: Api) -> dict[str, Any]:
    """What there is, less what every write leaves behind."""

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            noise = (
                "managedFields",
                "generation",
                "observedGeneration",
                "message",
                "deployment.kubernetes.io/revision",
            )
            return {k: bare(v) for k, v in part.items() if k not in noise}
        if isinstance(part, list):  # a condition that somebody else added stays
            return [bare(each) for each in part if not (isinstance(each, dict) and each.get("type") == "Foreign")]
        return part

    return {name: bare(each) for name, each in (await objects(api)).items()}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(2))
async def test_it_comes_to_the_same_from_any_state(
    server: ApiServer, api: Api, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(seed)
    await everything_named(api)
    with caplog.at_level(logging.WARNING), operator_in(server, api.namespace, resync=5):
        await api.write_store(**SPEC)
        await api.until(STORES, "chat", lambda body: condition(body, "Applied").get("status") == "True")
        wanted = await alike(api)
        for _ in range(12):
            done = [await upset(api, dice) for _ in range(dice.randrange(1, 8))]
            deadline = time.monotonic() + 40
            while (found := await alike(api)) != wanted and time.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            assert [name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)] == [], (
                done,
                found["SessionStore chat"]["status"],
            )

    store = await api.get(STORES, "chat")
    assert [each["type"] for each in (store or {})["status"]["conditions"] if each["type"] in CONDITIONS] == [
        *CONDITIONS
    ]
    wrong = ("KeyError", "TypeError", "AttributeError", "ValueError", "IndexError", "StopIteration")
    assert not [line for line in caplog.messages if any(each in line for each in wrong)]
