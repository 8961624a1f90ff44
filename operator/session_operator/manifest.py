"""SessionStores in files, read as kubectl reads them: YAML of JSON's types alone."""

from __future__ import annotations

from typing import Any

import yaml

from session_operator.kinds import STORES, NotASegment, Segment
from session_operator.resource import KIND, Object

_MOST_VALUES = 200_000
"""Values in a file. Aliases make a small text as large as one likes; a store that etcd takes has a tenth of it."""


class Refused(Exception):
    """The store cannot be: what is wrong with it, a line each."""


class _Loader(yaml.SafeLoader):
    """Without times, which are texts to Kubernetes, and without keys that stand there twice."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(problem="found a key twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def stores_in(text: str, namespace: str | None) -> list[Object]:
    """The SessionStores of a YAML text, in the namespace that each says, else in the one given.

    Raises Refused, and yaml.YAMLError for what is no YAML.
    """
    try:
        found = [_json(each) for each in yaml.load_all(text, _Loader)]
    except RecursionError:
        raise Refused("it is nested too deeply") from None
    bodies = [each for each in found if isinstance(each, dict)]
    bodies = [item for each in bodies for item in (_items(each) if each.get("kind") == "List" else [each])]
    stores = [each for each in bodies if isinstance(each, dict) and each.get("kind") == KIND]
    if not stores:
        raise Refused(f"there is no {KIND} in it")
    return [_named(store, namespace) for store in stores]


def _named(store: Object, namespace: str | None) -> Object:
    metadata = store.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name") or not isinstance(store.get("spec"), dict):
        raise Refused(f"a {KIND} needs metadata.name and spec")
    if store.get("apiVersion") != STORES.api_version:
        raise Refused(f"apiVersion of a {KIND} must be {STORES.api_version}")
    metadata = {"namespace": namespace or "default"} | metadata
    try:
        return store | {"metadata": metadata | {name: Segment(metadata[name]) for name in ("namespace", "name")}}
    except NotASegment:
        raise Refused(f"metadata.name or metadata.namespace of a {KIND} is no name") from None


def _items(listed: Object) -> list[Any]:
    items = listed.get("items")
    return items if isinstance(items, list) else []


def _json(value: Any) -> Any:
    """The value in JSON's types: keys are texts, and a number without a fraction is an integer."""
    left = _MOST_VALUES

    def plain(part: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Refused(f"it has more than {_MOST_VALUES} values")
        if isinstance(part, dict):
            return {_key(name): plain(each) for name, each in part.items()}
        if isinstance(part, list):
            return [plain(each) for each in part]
        if isinstance(part, float) and part.is_integer():
            return int(part)
        if part is None or isinstance(part, str | int) or (isinstance(part, float) and abs(part) < float("inf")):
            return part
        raise Refused(f"it has a {type(part).__name__}, which JSON has not")

    return plain(value)


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return str(name).lower()
    if isinstance(name, str | int):
        return str(name)
    raise Refused("it has a key that is no text")
