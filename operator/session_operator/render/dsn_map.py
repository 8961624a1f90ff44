"""The DSN map of a store as an immutable Secret (docs/reference/dsn-map.md)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType

from session_operator.render import tls
from session_operator.render.dsn import with_parameters
from session_operator.render.labels import metadata
from session_operator.resource import GROUP, Database, Object, SessionStore

FILE = "dsn-map.json"
SOURCES_ANNOTATION = f"{GROUP}/sources"
"""For each database by its id, a digest of where the spec says that its DSNs are."""


def name_prefix(store: SessionStore) -> str:
    """The prefix of the names of all DSN maps of a store."""
    return f"{store.key.name}-dsn-map-"


def source_digest(store: SessionStore, database: Database) -> str:
    """A digest of what the spec says of the DSNs of a database."""
    return store.digest(f" {database.sources} {database.tls}".encode())


def dsn_map(
    store: SessionStore,
    dsns: Mapping[str, str],
    read_only_dsns: Mapping[str, str],
    kept: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Object:
    """Render the Secret; `dsns` holds the DSN of each database by its id, `read_only_dsns` those of replicas.

    `kept` holds the entries of databases without a DSN as an earlier map has them.

    Its name ends with a hash of its content, so a change creates a new Secret and old pods keep the old one.
    """
    named = (("dsn", dsns), ("readOnlyDsn", read_only_dsns))
    entries = {
        database.id: {
            **kept.get(database.id, {}),
            **{k: with_parameters(v[database.id], tls.parameters(database)) for k, v in named if database.id in v},
            **database.options,
        }
        for database in store.databases
    }
    content = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    sources = json.dumps({each.id: source_digest(store, each) for each in store.databases}, separators=(",", ":"))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(store, name_prefix(store) + store.digest(content), {SOURCES_ANNOTATION: sources}),
        "type": "Opaque",
        "immutable": True,
        "data": {FILE: base64.b64encode(content).decode()},
    }
