"""SessionStore as immutable types, read from the `spec` that a user writes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from session_operator.remembered import remembered
from session_operator.schema import malformed

GROUP = "sessionstore.dev"
VERSION = "v1alpha1"
PLURAL = "sessionstores"
KIND = "SessionStore"
MANAGER = "session-operator"
"""The field manager of every write, and the value of the label app.kubernetes.io/managed-by."""
INSTANCE_LABEL = "app.kubernetes.io/instance"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"

Object = dict[str, Any]
"""A Kubernetes object as JSON."""
_TOLD = 5
"""How many mistakes of a spec one message lists."""


class Malformed(ValueError):
    """A spec that another version of the schema accepted. The message says what is wrong, without quoting values."""


class Key(NamedTuple):
    """Namespace and name of a SessionStore: the unit of work of the queue."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a DSN comes from: one key of a Secret, or a connection Secret with a uri or its parts.

    `parts` are host, port and dbname as the spec gives them; they override those of a connection Secret. Zalando's
    has neither host nor dbname; a replica has the credentials of its database and another host.
    """

    secret: str
    key: str | None
    parts: Mapping[str, str]

    @classmethod
    def parse(cls, dsn: Mapping[str, Any]) -> Self:
        """Parse `dsn` or `readOnlyDsn` of a database, which the CRD allows in exactly one of two forms."""
        if reference := dsn.get("secretKeyRef"):
            return cls(reference["name"], reference["key"], {})
        connection = dsn["fromSecret"]
        return cls(connection["name"], None, {k: str(v) for k, v in connection.items() if k != "name"})


class KeyVersion(NamedTuple):
    """Which key the pods were started with: a salted digest of it, and the resourceVersion of its Secret."""

    digest: str
    resource_version: str


class Reference(NamedTuple):
    """A key of a Secret or of a ConfigMap in the namespace of the store."""

    kind: str
    name: str
    key: str

    @classmethod
    def parse(cls, reference: Mapping[str, Any]) -> Self:
        """Parse an object with a field `secretKeyRef` or `configMapKeyRef`."""
        if chosen := reference.get("secretKeyRef"):
            return cls("Secret", chosen["name"], chosen["key"])
        chosen = reference["configMapKeyRef"]
        return cls("ConfigMap", chosen["name"], chosen["key"])


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections to a database are encrypted; `mode` is an sslmode of libpq."""

    mode: str
    authority: Reference | None
    certificate: Reference | None
    private_key: Reference | None

    @classmethod
    def parse(cls, tls: Mapping[str, Any]) -> Self:
        """Parse `databases[].tls`: mode, CA, and client certificate."""
        authority, client = tls.get("caSecretRef"), tls.get("clientCertificateSecretRef")
        return cls(
            tls["mode"],
            Reference("Secret", authority["name"], authority["key"]) if authority else None,
            Reference("Secret", client["name"], "tls.crt") if client else None,
            Reference("Secret", client["name"], "tls.key") if client else None,
        )

    @property
    def references(self) -> tuple[Reference, ...]:
        """The keys of Secrets that the pods mount for it."""
        return tuple(each for each in (self.authority, self.certificate, self.private_key) if each)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a store; `options` are the keys of its DSN map entry other than DSNs."""

    id: str
    source: Source
    read_only_source: Source | None
    tls: Tls | None
    options: Mapping[str, Any]

    @classmethod
    def parse(cls, database: Mapping[str, Any]) -> Self:
        """Parse one item of `databases`."""
        read_only, tls = database.get("readOnlyDsn"), database.get("tls")
        return cls(
            id=database["id"],
            source=Source.parse(database["dsn"]),
            read_only_source=Source.parse(read_only) if read_only else None,
            tls=Tls.parse(tls) if tls else None,
            options={k: v for k, v in database.items() if k not in ("id", "dsn", "readOnlyDsn", "tls")},
        )

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of its DSNs: the primary's, then the replica's if there is one."""
        return tuple(each for each in (self.source, self.read_only_source) if each)


@dataclass(frozen=True, slots=True)
class Auth:
    """How callers authenticate: by one security key, or by tokens that `verification_key` or `jwks` verify.

    `service_accounts` says where the service accounts are whose tokens are accepted too.
    """

    security_key: Reference | None
    verification_key: Reference | None
    jwks: Reference | None
    tokens: Mapping[str, Any]
    service_accounts: Mapping[str, Any] | None

    @classmethod
    def parse(cls, auth: Mapping[str, Any]) -> Self:
        """Parse `auth`, which the CRD allows in exactly one of two forms."""

        def reference(part: Mapping[str, Any], name: str) -> Reference | None:
            return Reference.parse(part[name]) if name in part else None

        jwt = auth.get("jwt", {})
        return cls(
            reference(auth, "securityKey"),
            reference(jwt, "verificationKey"),
            reference(jwt, "jwks"),
            tokens=jwt,
            service_accounts=auth.get("serviceAccounts"),
        )

    @property
    def environment(self) -> Reference | None:
        """The key that pods read as an environment variable, so only when they start."""
        return self.security_key or self.verification_key

    @property
    def references(self) -> tuple[Reference, ...]:
        """The keys without which pods cannot start."""
        return tuple(each for each in (self.environment, self.jwks) if each)


@dataclass(frozen=True, slots=True)
class SessionStore:
    """A SessionStore as the API server returned it, with the defaults of the CRD; `status` is what is `remembered`."""

    key: Key
    uid: str
    generation: int
    paused: bool
    databases: tuple[Database, ...]
    default_database: str | None
    image: str
    image_pull_policy: str | None
    image_pull_secrets: tuple[str, ...]
    replicas: int | None
    autoscaling: Mapping[str, Any] | None
    auth: Auth | None
    cors_origins: tuple[str, ...] | None
    service: Mapping[str, Any]
    ingress: Mapping[str, Any] | None
    http_route: Mapping[str, Any] | None
    network_policy: str
    disruption_budget: Mapping[str, Any] | None
    monitoring: Mapping[str, Any] | None
    rotation_seconds: int
    resources: Mapping[str, Any]
    probes: Mapping[str, Mapping[str, int]]
    pod_template: Mapping[str, Any]
    status: Mapping[str, Any]

    @classmethod
    def parse(cls, body: Object) -> Self:
        """Parse an object of the API server. Raises `Malformed` if only another version of the schema accepted it."""
        spec = body.get("spec")
        if wrong := malformed(spec):
            raise Malformed("; ".join(map(str, wrong[:_TOLD])))
        try:
            return cls._parse(body["metadata"], body["spec"], remembered(body.get("status")))
        except (LookupError, TypeError, AttributeError) as missing:  # a missing default
            raise Malformed(f"apply it again: {type(missing).__name__}: {missing}") from missing

    def digest(self, content: bytes) -> str:
        """A short hash of content, for names and annotations.

        More people can read those than Secrets: with the uid as a salt, a precomputed table of hashes is useless.
        """
        return hashlib.sha256(self.uid.encode() + content).hexdigest()[:10]

    @classmethod
    def _parse(cls, metadata: Object, spec: Object, status: Object) -> Self:
        if not spec["databases"]:
            raise TypeError("databases must be a list of at least one")
        return cls(
            key=Key(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            generation=metadata["generation"],
            paused=spec["reconciliation"] == "Paused",
            databases=tuple(Database.parse(database) for database in spec["databases"]),
            default_database=spec.get("defaultDatabase"),
            image=spec["image"],
            image_pull_policy=spec.get("imagePullPolicy"),
            image_pull_secrets=tuple(reference["name"] for reference in spec.get("imagePullSecrets", ())),
            replicas=spec.get("replicas"),
            autoscaling=spec.get("autoscaling"),
            auth=Auth.parse(spec["auth"]) if "auth" in spec else None,
            cors_origins=tuple(spec["cors"]["origins"]) if "cors" in spec else None,
            service=spec["service"],
            ingress=spec.get("ingress"),
            http_route=spec.get("httpRoute"),
            network_policy=spec["networkPolicy"],
            disruption_budget=spec.get("podDisruptionBudget"),
            monitoring=spec.get("monitoring"),
            rotation_seconds=spec.get("rotation", {}).get("minIntervalSeconds", 0),
            resources=spec["resources"],
            probes=spec["probes"],
            pod_template=spec.get("podTemplate", {}),
            status=status,
        )

    @property
    def references(self) -> tuple[Reference, ...]:
        """The keys that pods read themselves, for TLS to databases and for authentication."""
        tls = tuple(each for database in self.databases if database.tls for each in database.tls.references)
        return tls + (self.auth.references if self.auth else ())

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the Secrets that the store uses for its databases and its authentication."""
        named = {each.name for each in self.references if each.kind == "Secret"}
        return frozenset(named | {each.secret for database in self.databases for each in database.sources})

    @property
    def config_maps(self) -> frozenset[str]:
        """The names of the ConfigMaps that the store uses."""
        return frozenset(each.name for each in self.references if each.kind == "ConfigMap")

    @property
    def fewest_pods(self) -> int | None:
        """The minimum number of pods; None if the spec leaves it to somebody else."""
        return self.autoscaling["minReplicas"] if self.autoscaling else self.replicas

    @property
    def metrics_service(self) -> str:
        """The name of the Service for the metrics of the pods."""
        return f"{self.key.name}-metrics"

    @property
    def endpoint(self) -> str:
        """The URL of the store inside the cluster."""
        return f"http://{self.key.name}.{self.key.namespace}.svc:{self.service['port']}"
