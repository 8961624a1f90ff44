"""Whether an object still is as the operator applied it, told from its metadata alone.

Server-side apply records in `managedFields` which fields the operator set; whoever changes the value of one takes
it over. So nothing drifted while the operator owns every field that it wants, whatever defaults there are beside.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from session_operator.resource import GROUP, MANAGER, Object

APPLIED_ANNOTATION = f"{GROUP}/applied"
"""Hash of what was applied last: tells that a field is no longer wanted."""


def stamp(wanted: Object) -> Object:
    """Add the hash of an object to it. The data of a Secret stays out: the name of a DSN map stands for it."""
    content = json.dumps({k: v for k, v in wanted.items() if k != "data"}, sort_keys=True)
    annotations = {APPLIED_ANNOTATION: hashlib.sha256(content.encode()).hexdigest()[:16]}
    return {**wanted, "metadata": {**wanted["metadata"], "annotations": annotations}}


def is_owned(live: Object, uid: str) -> bool:
    """Whether the store of this uid controls the object."""
    return any(owner["uid"] == uid for owner in live["metadata"].get("ownerReferences", ()) if owner.get("controller"))


def was_applied(live: Object) -> bool:
    """Whether the operator ever applied the object."""
    return _applied(live) is not None


def lost_fields(wanted: Object, live: Object) -> tuple[str, ...]:
    """Name the fields of a stamped object that are not, or no longer, as the operator applied them."""
    applied = _applied(live)
    if applied is None or applied["apiVersion"] != wanted["apiVersion"]:
        return ("managedFields",)
    stamped = wanted["metadata"]["annotations"][APPLIED_ANNOTATION]
    if live["metadata"].get("annotations", {}).get(APPLIED_ANNOTATION) != stamped:
        return (f"metadata.annotations.{APPLIED_ANNOTATION}",)
    metadata = {k: v for k, v in wanted["metadata"].items() if k not in ("name", "namespace")}
    body = {k: v for k, v in wanted.items() if k not in ("apiVersion", "kind")} | {"metadata": metadata}
    return tuple(path.removeprefix(".") for path in _lost(body, applied["fieldsV1"], ""))


def _applied(live: Object) -> Mapping[str, Any] | None:
    for entry in live["metadata"].get("managedFields", ()):
        if entry["manager"] == MANAGER and entry["operation"] == "Apply" and "subresource" not in entry:
            return entry  # type: ignore[no-any-return]
    return None


def _lost(wanted: Any, owned: Mapping[str, Any], path: str) -> Iterator[str]:
    # FieldsV1: f:<field>, k:<keys of a list item as JSON>, "." for the thing itself; {} is a leaf or an atomic whole
    if not owned:
        return
    if isinstance(wanted, Mapping):
        for field, value in wanted.items():
            if f"f:{field}" in owned:
                yield from _lost(value, owned[f"f:{field}"], f"{path}.{field}")
            else:
                yield f"{path}.{field}"
    elif isinstance(wanted, list):
        items = [(json.loads(key[2:]), fields) for key, fields in owned.items() if key.startswith("k:")]
        for index, item in enumerate(wanted):
            fields = next((fields for keys, fields in items if keys.items() <= item.items()), None)
            if fields is None:
                yield f"{path}[{index}]"
            else:
                yield from _lost(item, fields, f"{path}[{index}]")
