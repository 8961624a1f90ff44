"""A SessionStore goes, and everything that was made for it goes with it."""

import pytest

from .cluster import until
from .postgres import Database
from .store import Store

pytestmark = pytest.mark.timeout(300, func_only=True)

# Events are kept for an hour by the API server; nobody owns them.
KEPT_BY_THE_CLUSTER = ("events", "events.events.k8s.io")


def objects(store: Store) -> set[str]:
    """All that is in the namespace, as kind/name."""
    kinds = store.kubectl("api-resources", "--namespaced", "--verbs=list,create", "--output=name").split()
    listed = ",".join(kind for kind in kinds if kind not in KEPT_BY_THE_CLUSTER)
    return set(store.kubectl("get", listed, "--output=name", "--ignore-not-found").split())


def test_deleting_a_store_removes_everything_that_was_made_for_it(store: Store, database: Database) -> None:
    store.set_dsns({"main": database.dsn})
    until("the namespace has its own objects", 30, lambda: "configmap/kube-root-ca.crt" in objects(store) or None)
    before = objects(store)
    store.create({"main": database.dsn})
    store.wait_until_ready()
    assert objects(store) > before

    store.kubectl("delete", "sessionstore", store.name)

    until("nothing is left of the store", 90, lambda: objects(store) <= before or None)
    assert objects(store) == before
