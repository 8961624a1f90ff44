"""Passwords change while the service is in use."""

import time

import pytest

from .cluster import Object
from .load import GOOD
from .postgres import Database, Postgres
from .store import Load, Store

ROLLING_UPDATES = 20

pytestmark = pytest.mark.timeout(600, func_only=True)


def failures(counts: dict[str, int]) -> dict[str, int]:
    """What was not as it should be."""
    return {what: count for what, count in counts.items() if what not in (*GOOD, "done")}


def annotation(template: Object) -> str | None:
    """What `Store.roll` wrote; there are no annotations before it did."""
    found: str | None = template["metadata"].get("annotations", {}).get("roll")
    return found


def test_a_rotated_password_rolls_the_pods_and_no_request_fails(
    postgres: Postgres, store: Store, database: Database, load: Load
) -> None:
    store.create({"main": database.dsn}, replicas=2)
    store.wait_until_ready()
    load.start()
    old, before = set(store.pods()), store.status["dsnMap"]

    rotated = database.with_another_password()
    postgres.accept(rotated)
    store.set_dsns({"main": rotated.dsn})

    store.wait_until_rolled(old)
    load.goes_on(load.counts())
    counts = load.end()
    print(f"while the pods rolled: {counts}")
    assert failures(counts) == {}
    assert counts["kept"] >= counts["write"]
    assert store.status["dsnMap"] != before
    assert len(store.pods()) == 2


@pytest.mark.timeout(1200, func_only=True)
def test_twenty_rolling_updates_and_ten_rotated_passwords_lose_no_request(
    postgres: Postgres, store: Store, database: Database, load: Load
) -> None:
    store.create({"main": database.dsn}, replicas=2, probes={"startup": {"periodSeconds": 1}})
    store.wait_until_ready()
    load.start()
    begun = time.monotonic()

    for number in range(ROLLING_UPDATES):
        store.roll(number)
        store.wait_until_template(lambda template, wanted=str(number): annotation(template) == wanted)
        if number % 2:  # every other one is followed by a rotation, while pods of the last still drain
            before = store.status["dsnMap"]
            database = database.with_another_password()
            postgres.accept(database)
            store.set_dsns({"main": database.dsn})
            store.wait_until_template(lambda template, before=before: store.mounted(template) != before)

    load.goes_on(load.counts())
    seconds = time.monotonic() - begun
    counts = load.end()
    print(f"{ROLLING_UPDATES} rolling updates and {ROLLING_UPDATES // 2} rotations in {seconds:.0f} s: {counts}")
    assert failures(counts) == {}
    assert counts["kept"] >= counts["write"]
    assert len(store.get("replicasets")["items"]) >= 3  # the newest and the three that revisionHistoryLimit keeps


def test_a_wrong_password_stalls_the_rollout_and_is_named_while_the_old_pods_serve(
    postgres: Postgres, store: Store, database: Database, load: Load
) -> None:
    archive = postgres.create(f"{database.name}archive")
    store.create({"main": database.dsn, "archive": archive.dsn}, replicas=2)
    store.wait_until_ready()
    load.start()
    old = set(store.pods())

    store.set_dsns({"archive": archive.with_another_password().dsn})

    message = store.wait_until_degraded()
    assert "archive" in message
    assert "main" not in message
    assert store.condition("Progressing")["status"] == "False"
    states = {entry["id"]: entry.get("asSeenByPods") for entry in store.status["databases"]}
    assert states["archive"] == "Refused"
    assert old <= set(store.pods())
    assert failures(load.goes_on(load.counts())) == {}

    store.set_dsns({"archive": archive.dsn})
    store.wait_until_ready()
    assert store.condition("Degraded")["status"] == "False"
    load.goes_on(load.counts())
    assert failures(load.end()) == {}
