"""Resolves Secret references to DSNs, or to a reason why there is none. DSNs leave only in fields without a repr."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from session_operator.reasons import Finding, Reason
from session_operator.resource import Database, KeyVersion, Object, Reference, SessionStore, Source

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
    """The resolved sources of a database: its DSNs, or a state other than Resolved and a message with the remedy."""

    database: Database
    state: str
    message: str = ""
    dsn: str | None = field(default=None, repr=False)
    read_only_dsn: str | None = field(default=None, repr=False)
    keeps_pods_from_starting: bool = False

    @property
    def resolved(self) -> bool:
        """Whether there are all of its DSNs, and the files for TLS."""
        return self.state == "Resolved"


def trimmed(store: SessionStore, kind: str, name: str, found: Object) -> Object:
    """The part of a Secret or ConfigMap that a store needs. A key that only pods read keeps one character.

    A store names hundreds of Secrets, and each may hold a MiB.
    """
    sources = [each for database in store.databases for each in database.sources if each.secret == name]
    named = {each.key for each in store.references if (each.kind, each.name) == (kind, name)}
    read = {key for key in found.get("data") or {} if kind == "Secret" and any(_wanted(each, key) for each in sources)}
    data = {key: found["data"][key][:1] for key in named if key in (found.get("data") or {})}
    data |= {key: found["data"][key][: _LONGEST + 1] for key in read}
    environment = store.auth.environment if store.auth else None
    if environment and (environment.kind, environment.name) == (kind, name) and environment.key in data:
        data[environment.key] = found["data"][environment.key]  # its digest tells that it changed
    return {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}, "data": data}


def missing(reference: Reference, found: Mapping[str, Any] | None) -> Finding | None:
    """Why a reference to a key fails, or None. `found` is the object that it names, None if there is no such object."""
    named = f"{reference.kind} {reference.name}"
    if found is None:
        return Finding(
            Reason(f"{reference.kind}Missing"), f"{named} does not exist: create it with the key {reference.key}"
        )
    if not (found.get("data") or {}).get(reference.key):
        return Finding(Reason(f"{reference.kind}KeyMissing"), f"{named} has no key {reference.key}: add it")
    return None


def missing_key(
    store: SessionStore,
    secrets: Mapping[str, Mapping[str, Any] | None],
    config_maps: Mapping[str, Mapping[str, Any] | None],
) -> Finding | None:
    """The first missing key that the authentication of a store refers to, or None."""
    for reference in store.auth.references if store.auth else ():
        objects = secrets if reference.kind == "Secret" else config_maps
        if finding := missing(reference, objects[reference.name]):
            return finding
    return None


def key_version(store: SessionStore, secrets: Mapping[str, Mapping[str, Any] | None]) -> KeyVersion | None:
    """The version of the key that pods read from a Secret as an environment variable, when they start."""
    reference = store.auth.environment if store.auth else None
    secret = secrets[reference.name] if reference else None
    if reference is None or secret is None:
        return None
    value = (secret.get("data") or {}).get(reference.key, "")
    return KeyVersion(store.digest(value.encode()), secret["metadata"]["resourceVersion"])


def resolve(store: SessionStore, secrets: Mapping[str, Mapping[str, Any] | None]) -> tuple[Resolution, ...]:
    """Resolve every database of a store, in order.

    `secrets` holds, by name, the Secrets of `store.secrets` as the API server gave them, None for one that is missing.
    """
    return tuple(_resolve(database, secrets) for database in store.databases)


def _resolve(database: Database, secrets: Mapping[str, Mapping[str, Any] | None]) -> Resolution:
    dsn = _dsn(database.source, secrets)
    if isinstance(dsn, Finding):
        return Resolution(database, dsn.reason, dsn.message)
    replica = _dsn(database.read_only_source, secrets) if database.read_only_source else None
    if isinstance(replica, Finding):
        return Resolution(database, replica.reason, f"readOnlyDsn: {replica.message}", dsn=dsn)
    for reference in database.tls.references if database.tls else ():
        if finding := missing(reference, secrets[reference.name]):
            return Resolution(database, finding.reason, f"tls: {finding.message}", keeps_pods_from_starting=True)
    return Resolution(database, "Resolved", dsn=dsn, read_only_dsn=replica)


def _dsn(source: Source, secrets: Mapping[str, Mapping[str, Any] | None]) -> str | Finding:
    """The DSN in the Secret of a source, or why there is none."""
    secret = secrets[source.secret]
    if secret is None:
        wanted = f"with the key {source.key}" if source.key else "with the key uri"
        return Finding(Reason.SECRET_MISSING, f"Secret {source.secret} does not exist: create it {wanted}")
    data = _texts(source, secret)
    if isinstance(data, Finding):
        return data
    if source.key is not None:
        if source.key not in data:
            return Finding(Reason.SECRET_KEY_MISSING, f"Secret {source.secret} has no key {source.key}: add it")
        if not data[source.key]:
            return Finding(
                Reason.SECRET_INVALID, f"Secret {source.secret} has an empty key {source.key}: write a DSN into it"
            )
        return data[source.key]
    if data.get("uri") and not source.parts:
        return data["uri"]
    found = {part: next((data[key] for key in keys if data.get(key)), None) for part, keys in _PARTS.items()}
    parts = {"port": "5432"} | {part: value for part, value in found.items() if value} | dict(source.parts)
    if absent := [part for part in _PARTS if part not in parts]:
        lacks = f"lacks {', '.join(absent)}: add them"
        if not data.get("uri"):
            return Finding(Reason.SECRET_KEY_MISSING, f"Secret {source.secret} has no key uri and {lacks}")
        said = " and ".join(source.parts)
        message = f"the spec says {said}, so uri of Secret {source.secret} does not count, and it {lacks}"
        return Finding(Reason.SECRET_KEY_MISSING, message)
    hosts, ports = (parts[part].split(",") for part in ("host", "port"))
    if len(ports) not in (1, len(hosts)):
        message = f"Secret {source.secret}: {len(hosts)} hosts cannot have {len(ports)} ports"
        return Finding(Reason.SECRET_INVALID, message)
    return _uri(parts, hosts, ports * (len(hosts) // len(ports)))


def _texts(source: Source, secret: Mapping[str, Any]) -> dict[str, str] | Finding:
    """The decoded keys of a Secret that a DSN can come from."""
    encoded = {key: value for key, value in (secret.get("data") or {}).items() if _wanted(source, key)}
    for key, value in encoded.items():
        if len(value) > _LONGEST:
            named = f"Secret {source.secret} has a key {key} that is too long for a DSN"
            return Finding(Reason.SECRET_INVALID, f"{named}: write a DSN into it")
    try:
        return {key: _text(value) for key, value in encoded.items()}
    except (binascii.Error, UnicodeDecodeError):
        return Finding(Reason.SECRET_INVALID, f"Secret {source.secret} holds bytes that are not UTF-8 text")


def _wanted(source: Source, key: str) -> bool:
    if source.key is not None:
        return key == source.key
    return key == "uri" or any(key in keys for keys in _PARTS.values())


def _text(value: str) -> str:
    # Secrets made by `echo` or by an editor end with a newline that no DSN has
    return base64.b64decode(value, validate=True).decode().strip()


def _uri(parts: Mapping[str, str], hosts: Sequence[str], ports: Sequence[str]) -> str:
    user, password, dbname = (quote(parts[part], safe="") for part in ("user", "password", "dbname"))
    where = ",".join(f"{_host(host)}:{quote(port, safe='')}" for host, port in zip(hosts, ports, strict=True))
    return f"postgresql://{user}:{password}@{where}/{dbname}"


def _host(host: str) -> str:
    quoted = quote(host, safe=":")
    return f"[{quoted}]" if ":" in quoted else quoted
