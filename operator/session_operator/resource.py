"""SessionStore as types: what a user writes in `spec`, read once and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

GROUP = "sessionstore.dev"
VERSION = "v1alpha1"
PLURAL = "sessionstores"
KIND = "SessionStore"
MANAGER = "session-operator"
"""The field manager of every write, and the value of the label app.kubernetes.io/managed-by."""
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"

Object = dict[str, Any]
"""A Kubernetes object as the API server speaks it: JSON."""


class Key(NamedTuple):
    """Which SessionStore: the unit of work of the queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the DSN of a database is: one key of a Secret, or a connection Secret that has a uri or its parts.

    `defaults` stand in for parts that a connection Secret lacks (Zalando writes neither host nor dbname).
    """

    secret: str
    key: str | None
    defaults: Mapping[str, str]

    @classmethod
    def parse(cls, dsn: Mapping[str, Any]) -> Self:
        """Read `databases[].dsn`; the CRD lets through exactly one of its two forms."""
        if reference := dsn.get("secretKeyRef"):
            return cls(reference["name"], reference["key"], {})
        connection = dsn["fromSecret"]
        return cls(connection["name"], None, {k: str(v) for k, v in connection.items() if k != "name"})


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a store; `options` are the keys of the DSN map beside `dsn`."""

    id: str
    source: Source
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, database: Mapping[str, Any]) -> Self:
        """Read one item of `databases`."""
        options = {k: v for k, v in database.items() if k not in ("id", "dsn")}
        return cls(database["id"], Source.parse(database["dsn"]), options)


@dataclass(frozen=True, slots=True)
class SessionStore:
    """A SessionStore as the API server returned it, so with the defaults of the CRD filled in."""

    key: Key
    uid: str
    generation: int
    deleting: bool
    paused: bool
    databases: tuple[Database, ...]
    default_database: str | None
    image: str
    image_pull_policy: str | None
    image_pull_secrets: tuple[str, ...]
    replicas: int | None
    service_type: str
    service_port: int
    resources: Mapping[str, Any]
    pod_template: Mapping[str, Any]
    status: Mapping[str, Any]

    @classmethod
    def parse(cls, body: Object) -> Self:
        """Read an object of the API server."""
        metadata, spec = body["metadata"], body["spec"]
        return cls(
            key=Key(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            generation=metadata["generation"],
            deleting="deletionTimestamp" in metadata,
            paused=spec["reconciliation"] == "Paused",
            databases=tuple(Database.parse(database) for database in spec["databases"]),
            default_database=spec.get("defaultDatabase"),
            image=spec["image"],
            image_pull_policy=spec.get("imagePullPolicy"),
            image_pull_secrets=tuple(reference["name"] for reference in spec.get("imagePullSecrets", ())),
            replicas=spec.get("replicas"),
            service_type=spec["service"]["type"],
            service_port=spec["service"]["port"],
            resources=spec["resources"],
            pod_template=spec.get("podTemplate", {}),
            status=body.get("status", {}),
        )

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the Secrets that the store reads its DSNs from."""
        return frozenset(database.source.secret for database in self.databases)

    @property
    def endpoint(self) -> str:
        """The URL of the store inside the cluster."""
        return f"http://{self.key.name}.{self.key.namespace}.svc:{self.service_port}"
