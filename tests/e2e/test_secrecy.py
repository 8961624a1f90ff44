"""A password is in Secrets and nowhere else, not even when something is wrong with it."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from . import node
from .cluster import Cluster
from .postgres import Database, Postgres
from .store import Store

pytestmark = pytest.mark.timeout(400, func_only=True)


def everything(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Every object of the cluster without the data of Secrets, and every log: what it is, and its text."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "--output=name").split()
    for item in cluster.get(",".join(kinds), "--all-namespaces", "--show-managed-fields")["items"]:
        if item["kind"] == "Secret":
            item.pop("data", None)
        metadata = item["metadata"]
        yield f"{item['kind']} {metadata.get('namespace', '')}/{metadata['name']}", json.dumps(item)
    for pod in cluster.get("pods", "--all-namespaces")["items"]:
        metadata, statuses = pod["metadata"], pod["status"].get("containerStatuses", [])
        words = ("--namespace", metadata["namespace"], "logs", metadata["name"])
        yield f"log of {metadata['name']}", cluster.kubectl(*words)
        if any(status["restartCount"] for status in statuses):
            yield f"log before the restart of {metadata['name']}", cluster.kubectl(*words, "--previous")
    yield from node.logs().items()


def test_a_password_is_in_no_object_but_secrets_and_in_no_log(
    cluster: Cluster, postgres: Postgres, store: Store, database: Database
) -> None:
    wrong = database.with_another_password()
    malformed = database.with_another_password()
    refused = Store(cluster, store.namespace, "refused")
    unread = Store(cluster, store.namespace, "unread")
    store.create({"main": database.dsn})
    refused.create({"main": wrong.dsn})
    unread.create({"main": malformed.dsn.replace(":5432/", ":no-port/")})
    store.wait_until_ready()
    assert "main" in refused.wait_until_degraded()
    assert "main" in unread.wait_until_degraded()

    databases = (database, wrong, malformed)
    spellings = [each.password.split(":")[0] for each in databases] + [
        b64encode(each.dsn.encode()).decode() for each in databases
    ]
    sights = dict(everything(cluster))
    assert f"SessionStore {store.namespace}/refused" in sights
    assert [what for what, text in sights.items() if any(spelling in text for spelling in spellings)] == []
