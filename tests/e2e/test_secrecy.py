"""A password is in Secrets and nowhere else, not even when something is wrong with it."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from . import node
from .cluster import Cluster, until
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
    for namespace in cluster.get("namespaces")["items"]:
        if namespace["status"]["phase"] == "Active":  # else it belongs to a test that is over, and its pods are going
            yield from pod_logs(cluster, namespace["metadata"]["name"])
    yield from node.logs().items()


def last_words(store: Store) -> str | None:
    """The termination message of a pod that was restarted."""
    statuses = [status for pod in store.pods().values() for status in pod["status"].get("containerStatuses", ())]
    return next((s["lastState"]["terminated"].get("message") for s in statuses if s["lastState"]), None)


def pod_logs(cluster: Cluster, namespace: str) -> Iterator[tuple[str, str]]:
    """What the pods of a namespace log, and logged before they were restarted."""
    for pod in cluster.get("pods", "--namespace", namespace)["items"]:
        name = pod["metadata"]["name"]
        words = ("--namespace", namespace, "logs", name)
        yield f"log of {name}", cluster.kubectl(*words)
        if any(status["restartCount"] for status in pod["status"]["containerStatuses"]):
            yield f"log of {name} before it was restarted", cluster.kubectl(*words, "--previous")


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
    until("the kubelet has what the refused pod said when it was ended", 120, lambda: last_words(refused))

    databases = (database, wrong, malformed)
    spellings = [each.password.split(":")[0] for each in databases] + [
        b64encode(each.dsn.encode()).decode() for each in databases
    ]
    sights = dict(everything(cluster))
    assert "log of {} before it was restarted".format(*refused.pods()) in sights
    assert f"SessionStore {store.namespace}/refused" in sights
    assert [what for what, text in sights.items() if any(spelling in text for spelling in spellings)] == []
