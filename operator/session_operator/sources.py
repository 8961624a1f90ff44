"""Secret references become DSNs, or a word on what is missing. A DSN leaves here only as a value without a repr."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from session_operator.resource import Database, Object, Reference, SessionStore, Source

_PARTS: Mapping[str, tuple[str, ...]] = {
    "host": ("host",),
    "port": ("port",),
    "dbname": ("dbname", "database"),
    "user": ("user", "username"),
    "password": ("password",),
}
"""The keys of connection Secrets: user and dbname by CloudNativePG and Crunchy, username by Zalando, username and
database by the Service Binding specification."""
_LONGEST = 16_384
"""Characters of a DSN or of a part of one, as a Secret encodes them."""


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


def trimmed(store: SessionStore, kind: str, name: str, found: Object) -> Object:
    """What a store needs of a Secret or a ConfigMap: of keys that pods read themselves, whether they hold anything.

    A store names hundreds of Secrets, and each may hold a MiB.
    """
    sources = [each for database in store.databases for each in database.sources if each.secret == name]
    named = {each.key for each in store.references if (each.kind, each.name) == (kind, name)}
    read = {key for key in found.get("data") or {} if kind == "Secret" and any(_wanted(each, key) for each in sources)}
    data = {key: found["data"][key][: _LONGEST + 1] for key in read}
    data |= {key: found["data"][key][:1] for key in named - read if key in (found.get("data") or {})}
    return {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": data}


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
    data = _texts(source, secret)
    if isinstance(data, Lack):
        return data
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


def _texts(source: Source, secret: Mapping[str, Any]) -> dict[str, str] | Lack:
    """The keys of a Secret that DSNs are made of."""
    encoded = {key: value for key, value in (secret.get("data") or {}).items() if _wanted(source, key)}
    for key, value in encoded.items():
        if len(value) > _LONGEST:
            named = f"Secret {source.secret} holds more in {key} than a DSN has"
            return Lack("SecretInvalid", f"{named}: write a DSN into it")
    try:
        return {key: _text(value) for key, value in encoded.items()}
    except (binascii.Error, UnicodeDecodeError):
        return Lack("SecretInvalid", f"Secret {source.secret} holds bytes that are no UTF-8 text")


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
