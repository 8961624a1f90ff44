"""The CustomResourceDefinition of SessionStore: its fields, and forms of an earlier day that let more through."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import yaml

from session_operator.kinds import STORES

from .api import Api
from .apiserver import ROOT, ApiServer

CRD = yaml.safe_load((ROOT / "manifests/crd/sessionstores.yaml").read_text())


class Field(NamedTuple):
    """A leaf of the spec: the fields on the way to it, `[]` for an item of a list, `{}` for a value of a map."""

    path: tuple[str, ...]
    schema: Any
    siblings: frozenset[str]

    @property
    def name(self) -> str:
        return next(step for step in reversed(self.path) if step not in ("[]", "{}"))

    def __str__(self) -> str:
        return ".".join(self.path).replace(".[]", "[]").replace(".{}", "{}")


def spec_schema(crd: Any = CRD) -> Any:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def leaves(schema: Any, path: tuple[str, ...] = (), siblings: frozenset[str] = frozenset()) -> Iterator[Field]:
    """Every field that holds a value of its own."""
    below = [(name, each) for name, each in schema.get("properties", {}).items()]
    below += [(step, schema[key]) for key, step in (("items", "[]"), ("additionalProperties", "{}")) if key in schema]
    if not below:
        yield Field(path, schema, siblings)
    for step, each in below:
        yield from leaves(each, (*path, step), frozenset(schema.get("properties", ())) or siblings)


def spec_with(field: Field, value: Any) -> Any:
    """A spec that the schema has no fault with, besides the value that it has in this field."""
    databases = [{"id": "main", "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}}]
    return {"databases": databases} | _with(spec_schema(), field.path, value)


def _with(schema: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if step == "[]":
        return [_with(schema["items"], tuple(rest), value)]
    if step == "{}":
        return {"a": _with(schema["additionalProperties"], tuple(rest), value)}
    return _required(schema) | {step: _with(schema["properties"][step], tuple(rest), value)}


def _required(schema: Any) -> Any:
    return {name: _example(name, schema["properties"][name]) for name in schema.get("required", ())}


def _example(name: str, schema: Any) -> Any:
    if name == "dsn":
        return {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}
    examples = {
        "integer": 1,
        "object": _required(schema),
        "string": schema.get("enum", ["/a" if "ath" in name else "a"])[0],
    }
    return [_example(name, schema["items"])] if schema["type"] == "array" else examples[schema["type"]]


def without(*keywords: str) -> Any:
    """The definition with these keywords taken out of the schema of the spec."""

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: bare(each) for name, each in part.items() if name not in keywords or isinstance(each, dict)}
        return [bare(each) for each in part] if isinstance(part, list) else part

    crd = copy.deepcopy(CRD)
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = bare(spec_schema())
    return crd


@asynccontextmanager
async def in_place(server: ApiServer, api: Api, crd: Any) -> AsyncIterator[None]:
    """Another definition in place of that of today, which comes back in the end. It lets databases have odd ids."""
    await _replace(server, api, crd, lets_through=True)
    try:
        yield
    finally:
        await _replace(server, api, CRD, lets_through=False)


async def _replace(server: ApiServer, api: Api, crd: Any, *, lets_through: bool) -> None:
    replaced = await asyncio.to_thread(server.kubectl, "replace", "--filename=-", stdin=json.dumps(crd))
    assert replaced.returncode == 0, replaced.stderr
    databases = [{"id": "a/b", "dsn": {"secretKeyRef": {"name": "a", "key": "a"}}}]
    odd = {
        "apiVersion": STORES.api_version,
        "kind": STORES.name,
        "metadata": {"name": "odd"},
        "spec": {"databases": databases},
    }
    async with asyncio.timeout(30):
        while True:  # until the API server goes by it
            try:
                await api.call("POST", STORES.path(api.namespace) + "?dryRun=All", odd)
                taken = True
            except RuntimeError:
                taken = False
            if taken is lets_through:
                return
            await asyncio.sleep(0.1)
