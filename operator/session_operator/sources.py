"""Secret references become DSNs, or a word on what is missing. A DSN leaves here only as a value without a repr."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from session_operator.resource import Database, Reference, SessionStore, Source

_PARTS: Mapping[str, tuple[str, ...]] = {
    "host": ("host",),
    "port": ("port",),
    "dbname": ("dbname", "database"),
    "user": ("user", "username"),
    "password": ("password",),
}
"""The keys of connection Secrets: user and dbname by CloudNativePG and Crunchy, username by Zalando, username and
database by the Service Binding specification."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of the sources of one database: DSNs, or a state other than Resolved and what to do about it."""

    database: Database
    state: str
    message: str = ""
    dsn: str | None = field(default=None, repr=False)
    read_only_dsn: str | None = field(default=None, repr=False)

    @property
    def resolved(self) -> bool:
        """Whether there is a DSN."""
        return self.dsn is not None


@dataclass(frozen=True, slots=True)
class Lack:
    """What pods cannot start without is not there: a reason of a condition, and what to do."""

    state: str
    message: str


def lacking(reference: Reference, found: Mapping[str, Any] | None) -> Lack | None:
    """What is wrong with a reference to a key of an object; `found` is that object, None for one that is missing."""
    named = f"{reference.kind} {reference.name}"
    if found is None:
        return Lack(f"{reference.kind}Missing", f"{named} does not exist: create it with the key {reference.key}")
    if not (found.get("data") or {}).get(reference.key):
        return Lack(f"{reference.kind}KeyMissing", f"{named} has no key {reference.key}: add it")
    return None


def missing_key(
    store: SessionStore,
    secrets: Mapping[str, Mapping[str, Any] | None],
    config_maps: Mapping[str, Mapping[str, Any] | None],
) -> Lack | None:
    """What the authentication of a store lacks, if anything."""
    for reference in store.auth.references if store.auth else ():
        objects = secrets if reference.kind == "Secret" else config_maps
        if lack := lacking(reference, objects[reference.name]):
            return lack
    return None


def key_version(store: SessionStore, secrets: Mapping[str, Mapping[str, Any] | None]) -> str | None:
    """The resourceVersion of the Secret that pods get a key from as an environment variable, when they start."""
    reference = store.auth.environment if store.auth else None
    secret = secrets[reference.name] if reference else None
    return secret["metadata"]["resourceVersion"] if secret else None


def resolve(store: SessionStore, secrets: Mapping[str, Mapping[str, Any] | None]) -> tuple[Resolution, ...]:
    """Resolve every database of a store, in order.

    `secrets` holds, by name, the Secrets of `store.secrets` as the API server gave them, None for one that is missing.
    """
    return tuple(_resolve(database, secrets) for database in store.databases)


def _resolve(database: Database, secrets: Mapping[str, Mapping[str, Any] | None]) -> Resolution:
    dsn = _dsn(database.source, secrets)
    if isinstance(dsn, Lack):
        return Resolution(database, dsn.state, dsn.message)
    replica = _dsn(database.read_only_source, secrets) if database.read_only_source else None
    if isinstance(replica, Lack):
        return Resolution(database, replica.state, f"readOnlyDsn: {replica.message}")
    for reference in database.tls.references if database.tls else ():
        if lack := lacking(reference, secrets[reference.name]):
            return Resolution(database, lack.state, f"tls: {lack.message}")
    return Resolution(database, "Resolved", dsn=dsn, read_only_dsn=replica)


def _dsn(source: Source, secrets: Mapping[str, Mapping[str, Any] | None]) -> str | Lack:
    """The DSN that the Secret of a source holds, or what it lacks."""
    secret = secrets[source.secret]
    if secret is None:
        wanted = f"with the key {source.key}" if source.key else "with the key uri"
        return Lack("SecretMissing", f"Secret {source.secret} does not exist: create it {wanted}")
    try:
        data = {key: _text(value) for key, value in (secret.get("data") or {}).items() if _wanted(source, key)}
    except (binascii.Error, UnicodeDecodeError):
        return Lack("SecretInvalid", f"Secret {source.secret} holds bytes that are no UTF-8 text")
    if source.key is not None:
        if source.key not in data:
            return Lack("SecretKeyMissing", f"Secret {source.secret} has no key {source.key}: add it")
        if not data[source.key]:
            return Lack("SecretInvalid", f"Secret {source.secret} has an empty key {source.key}: write a DSN into it")
        return data[source.key]
    outweighing = source.parts if source.outweighs else {}
    if data.get("uri") and not outweighing:
        return data["uri"]
    parts = {"port": "5432"} | dict(source.parts)
    for part, keys in _PARTS.items():
        if value := next((data[key] for key in keys if data.get(key)), None):
            parts[part] = outweighing.get(part, value)
    if missing := [part for part in _PARTS if part not in parts]:
        lacks = "lacks" if outweighing else "has no key uri and lacks"
        message = f"Secret {source.secret} {lacks} {', '.join(missing)}: add them"
        return Lack("SecretKeyMissing", message)
    return _uri(parts)


def _wanted(source: Source, key: str) -> bool:
    if source.key is not None:
        return key == source.key
    return key == "uri" or any(key in keys for keys in _PARTS.values())


def _text(value: str) -> str:
    # Secrets made by `echo` or by an editor end with a newline that no DSN has
    return base64.b64decode(value, validate=True).decode().strip()


def _uri(parts: Mapping[str, str]) -> str:
    user, password, dbname = (quote(parts[part], safe="") for part in ("user", "password", "dbname"))
    host, port = (quote(parts[part], safe=",:") for part in ("host", "port"))  # of several, separated by commas
    return f"postgresql://{user}:{password}@{f'[{host}]' if ':' in host else host}:{port}/{dbname}"
