"""Tells from its metadata whether an object is still as the operator applied it.

Server-side apply records in `managedFields` which fields the operator set; whoever changes the value of a field takes
it over. So while the operator owns every field that it wants, nothing has drifted, whatever defaults were added.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from session_operator.resource import GROUP, MANAGER, Object
from session_operator.shallow import loads

_Path = tuple[str, ...]
"""Keys of FieldsV1: f:<field>, or k:<keys of a list item as JSON>. In it, {} is a leaf or an atomic value, and "." the
item itself."""
APPLIED_ANNOTATION = f"{GROUP}/applied"
"""Hash of what was applied last. It shows that a field is no longer wanted."""


def stamp(wanted: Object) -> Object:
    """Add the hash of an object to it. It excludes the data of a Secret, which the name of a DSN map covers."""
    content = json.dumps({k: v for k, v in wanted.items() if k != "data"}, sort_keys=True)
    applied = {APPLIED_ANNOTATION: hashlib.sha256(content.encode()).hexdigest()[:16]}
    annotations = wanted["metadata"].get("annotations", {}) | applied
    return {**wanted, "metadata": {**wanted["metadata"], "annotations": annotations}}


def is_owned(live: Object, uid: str) -> bool:
    """Whether the store with this uid is the controller of the object."""
    return any(owner["uid"] == uid for owner in live["metadata"].get("ownerReferences", ()) if owner.get("controller"))


def was_applied(live: Object) -> bool:
    """Whether the operator ever applied the object."""
    return _applied(live) is not None


def applied_at(live: Object) -> datetime | None:
    """When the operator last changed the object; None if unknown."""
    applied = _applied(live)
    return datetime.fromisoformat(applied["time"]) if applied and "time" in applied else None


@dataclass(frozen=True, slots=True)
class Drift:
    """A field that no longer has the applied value, and the field manager that owns it now, if any."""

    field: str
    manager: str


def owns_replicas(live: Object) -> bool:
    """Whether the operator set the number of pods of a Deployment."""
    applied = _applied(live)
    return applied is not None and "f:replicas" in loads(applied["fieldsV1"]).get("f:spec", {})


def is_applied(wanted: Object, live: Object) -> bool:
    """Whether the stamped object equals the one applied last. If not, it must be applied."""
    applied = _applied(live)
    if applied is None or applied["apiVersion"] != wanted["apiVersion"]:
        return False
    annotations = live["metadata"].get("annotations", {})
    return bool(annotations.get(APPLIED_ANNOTATION) == wanted["metadata"]["annotations"][APPLIED_ANNOTATION])


def drift(wanted: Object, live: Object) -> tuple[Drift, ...]:
    """The fields that others changed since the object was applied."""
    applied = _applied(live)
    owned = loads(applied["fieldsV1"]) if applied else {}
    metadata = {k: v for k, v in wanted["metadata"].items() if k not in ("name", "namespace")}
    body = {k: v for k, v in wanted.items() if k not in ("apiVersion", "kind")} | {"metadata": metadata}
    return tuple(Drift(_readable(path), _manager(live, path)) for path in _lost(body, owned, ()))


def _applied(live: Object) -> Mapping[str, Any] | None:
    for entry in live["metadata"].get("managedFields", ()):
        if entry.get("manager") == MANAGER and entry["operation"] == "Apply" and "subresource" not in entry:
            return entry  # type: ignore[no-any-return]
    return None


def _lost(wanted: Any, owned: Mapping[str, Any], path: _Path) -> Iterator[_Path]:
    if not owned and path:
        return
    if isinstance(wanted, Mapping):
        parts = [(f"f:{field}", value) for field, value in wanted.items()]
    elif isinstance(wanted, list):
        parts = [(_item_key(item, owned), item) for item in wanted]
    else:
        return
    for key, value in parts:
        if key in owned:
            yield from _lost(value, owned[key], (*path, key))
        else:
            yield (*path, key)


def _item_key(item: Any, owned: Mapping[str, Any]) -> str:
    for key in owned:
        if key.startswith("k:") and json.loads(key[2:]).items() <= item.items():
            return key
    return "k:" + json.dumps({name: item[name] for name in ("name", "port") if name in item})


def _manager(live: Object, path: _Path) -> str:
    def has(fields: Any) -> bool:
        for key in path:
            if key not in fields:
                return False
            fields = fields[key]
        return True

    entries = live["metadata"].get("managedFields", ())
    return next(
        (
            entry.get("manager", "")
            for entry in entries
            if entry.get("manager", "") != MANAGER and has(loads(entry["fieldsV1"]))
        ),
        "",
    )


def _readable(path: _Path) -> str:
    """Print a path as kubectl explain does, with keys for list items: spec.ports[port=80].targetPort."""
    text = ""
    for key in path:
        if key.startswith("f:"):
            text += f".{key[2:]}"
        else:
            text += "[" + ",".join(f"{name}={value}" for name, value in json.loads(key[2:]).items()) + "]"
    return text.removeprefix(".")
