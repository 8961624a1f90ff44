"""What is in a namespace, less what differs from one to another: to tell whether two stores came to the same."""

from __future__ import annotations

import json
import re
from typing import Any

from session_operator.kinds import INSTALLABLE, OWNED, STORES
from tests.operator.api import Api

_NOISE = {
    "uid", "resourceVersion", "creationTimestamp", "time", "lastTransitionTime", "clusterIP", "clusterIPs",
    "dsn-map.json",
}  # fmt: skip
_VARYING = re.compile(r"(?<=-dsn-map-)[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# digests with a salt of the store
_ANNOTATIONS = ("sessionstore.dev/applied", "sessionstore.dev/auth-secret-version", "sessionstore.dev/sources")


async def objects(api: Api) -> dict[str, Any]:
    """All that the operator writes, by kind and name: specs, owners, field managers, the status of stores."""
    found = {}
    for kind in (STORES, *OWNED):
        if kind not in INSTALLABLE:  # not served here
            for item in await api.list(kind):
                text = _VARYING.sub("*", json.dumps(item)).replace(api.namespace, "*")
                found[f"{kind.name} {_VARYING.sub('*', item['metadata']['name'])}"] = _common(json.loads(text))
    return found


def _common(part: Any) -> Any:
    if isinstance(part, dict):
        return {k: _common(v) for k, v in part.items() if k not in _NOISE and k not in _ANNOTATIONS}
    if isinstance(part, list):
        items = [_common(each) for each in part]
        return (
            sorted(items, key=json.dumps) if items and isinstance(items[0], dict) and "fieldsV1" in items[0] else items
        )
    return part
