"""What pods get of a database whose Secret is missing or broken, so that it holds back nothing else.

Its last good entry stays in the DSN map, as the pods mount it now. Without one its id stays known to the service, which
answers 503: left out, requests without a `db_id` would reach the next database of the map.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from session_operator.render import render
from session_operator.render.dsn_map import FILE, SOURCES_ANNOTATION, source_digest
from session_operator.resource import KeyVersion, Object, SessionStore
from session_operator.sources import Resolution

NOWHERE = "postgresql://unresolved@unresolved.invalid.:5432/unresolved"
"""The DSN of a database that never had one. `invalid` is reserved, and resolves to nothing (RFC 6761)."""
Entries = Mapping[str, Mapping[str, str]]
"""The DSNs of databases by their ids, as they stand in a DSN map: under `dsn`, and `readOnlyDsn` of a replica."""


def entries(store: SessionStore, resolutions: Sequence[Resolution], secret: Object | None) -> Entries | None:
    """The entries of the databases that have no DSN. None if pods could not start, or would serve nothing.

    `secret` is the DSN map that the pods mount, or the newest where there are none; None without any. An entry counts
    only if it was made of what the spec still names.
    """
    lost = [each for each in resolutions if not each.resolved]
    if not lost:
        return {}
    if any(each.keeps_pods_from_starting for each in lost):
        return None
    if secret and SOURCES_ANNOTATION not in secret["metadata"].get("annotations", {}):
        return None  # an earlier version made it: nobody knows of what, and its databases may well serve
    good = _good(store, secret) if secret else {}
    served = len(lost) < len(resolutions) or any(each.database.id in good or each.dsn for each in lost)
    if not served:
        return None
    return {
        each.database.id: good.get(each.database.id, {"dsn": NOWHERE}) for each in lost if not _is_whole(each, good)
    }


def render_found(
    store: SessionStore, resolutions: Sequence[Resolution], key_version: KeyVersion | None, kept: Entries
) -> tuple[Object, ...]:
    """Render all objects of a store, of DSNs that were found and entries that are kept."""
    found = [each for each in resolutions if each.database.id not in kept]
    dsns = {each.database.id: each.dsn for each in found if each.dsn is not None}
    replicas = {each.database.id: each.read_only_dsn for each in found if each.read_only_dsn is not None}
    return render(store, dsns, key_version, read_only_dsns=replicas, kept=kept)


def _is_whole(resolution: Resolution, good: Entries) -> bool:
    """Whether the database alone, without its replica, has a DSN, and there is no entry with both."""
    return resolution.dsn is not None and resolution.database.id not in good


def _good(store: SessionStore, secret: Object) -> Entries:
    try:
        found = json.loads(base64.b64decode(secret["data"][FILE]))
        made_of = json.loads(secret["metadata"]["annotations"][SOURCES_ANNOTATION])
        return {
            database.id: _dsns(found[database.id])
            for database in store.databases
            if made_of.get(database.id) == source_digest(store, database) and found[database.id]["dsn"] != NOWHERE
        }
    except (LookupError, TypeError, ValueError, AttributeError):  # of an earlier version, or not as it was applied
        return {}


def _dsns(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: str(entry[name]) for name in ("dsn", "readOnlyDsn") if name in entry}
