"""A PostgreSQL in the cluster, where each test has a database and a role of its own."""

import secrets
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from .cluster import Cluster, Object, namespace, restricted_pod, secret
from .images import POSTGRES

NAMESPACE = "postgres"
START = """
set -e
initdb --auth-local=trust --auth-host=scram-sha-256 --pwfile=/secret/password >/dev/null
echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
exec postgres -c listen_addresses='*' -c unix_socket_directories=/data -c max_connections=200 -c fsync=off \
    -c log_min_error_statement=panic
"""


def a_password() -> str:
    """A password with a stem that is easy to look for, and signs that a URL must escape."""
    return f"canary{secrets.token_hex(8)}:/@%"


@dataclass(frozen=True)
class Database:
    """A database whose owner logs in with a password."""

    name: str
    password: str = field(default_factory=a_password, repr=False)

    def url(self, host: str, port: int, driver: str = "postgresql") -> str:
        """Its URL as seen by whoever reaches PostgreSQL there."""
        return f"{driver}://{self.name}:{quote(self.password, safe='')}@{host}:{port}/{self.name}"

    @property
    def dsn(self) -> str:
        """Its URL within the cluster."""
        return self.url(f"{NAMESPACE}.{NAMESPACE}.svc", 5432)

    def with_another_password(self) -> "Database":
        """The same database, and a password that PostgreSQL was not told."""
        return replace(self, password=a_password())


@dataclass(frozen=True)
class Postgres:
    """The PostgreSQL of the run."""

    cluster: Cluster

    def start(self) -> None:
        """Have it running and ready."""
        self.cluster.apply(namespace(NAMESPACE), secret(NAMESPACE, "superuser", {"password": a_password()}))
        self.cluster.apply(*_manifests())
        self.cluster.kubectl("--namespace", NAMESPACE, "rollout", "status", "deployment/postgres", "--timeout=120s")

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements as superuser; the rows as psql prints them unaligned. Passwords go over stdin."""
        psql = (
            "psql",
            "--quiet",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--dbname={database}",
        )
        words = ("--namespace", NAMESPACE, "exec", "--stdin", "deployment/postgres", "--", *psql)
        return self.cluster.kubectl(*words, stdin=statements)

    def create(self, name: str) -> Database:
        """A new database."""
        database = Database(name)
        self.sql(
            f"CREATE ROLE {name} LOGIN PASSWORD '{database.password}'; CREATE DATABASE {name} OWNER {name};".replace(
                "; ", ";\n"
            )
        )
        return database

    def accept(self, database: Database) -> None:
        """From now on its owner logs in with this password and with no other."""
        self.sql(f"ALTER ROLE {database.name} PASSWORD '{database.password}'")


def _manifests() -> list[Object]:
    labels = {"app": "postgres"}
    metadata: Object = {"namespace": NAMESPACE, "name": "postgres"}
    container: Object = {
        "name": "postgres",
        "image": POSTGRES,
        "command": ["sh", "-c", START],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"exec": {"command": ["pg_isready", "--host=127.0.0.1"]}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "superuser", "mountPath": "/secret", "readOnly": True},
        ],
    }
    volumes: list[Object] = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "superuser", "secret": {"secretName": "superuser"}},
    ]
    deployment: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": restricted_pod(container, volumes)},
        },
    }
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"port": 5432}]},
    }
    return [deployment, service]
