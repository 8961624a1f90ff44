"""Of an object as it comes, what is looked at becomes an object of Python, and nothing of the rest."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from session_operator.bodies import Page, event, pruned
from session_operator.ownership import APPLIED_ANNOTATION, is_owned, was_applied
from session_operator.resource import Object

LARGE = "a" * 250_000
IDENTITY: Object = {
    "name": "a",
    "namespace": "n",
    "uid": "b",
    "resourceVersion": "1",
    "generation": 2,
    "creationTimestamp": "t",
}
OURS: Object = {"manager": "session-operator", "operation": "Apply", "apiVersion": "v1", "time": "t"}
OWNER: Object = {"uid": "c", "controller": True}
LABELS = {"app.kubernetes.io/instance": "", "app.kubernetes.io/managed-by": "session-operator"}
FILLED: dict[str, Any] = {
    "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {f"f:{n}": {} for n in range(100_000)}}],
    "labels": {f"a{n}": "" for n in range(100_000)},
    "annotations": {f"a{n}": "" for n in range(100_000)},
    "ownerReferences": [{"name": "o", "kind": "K", "apiVersion": "v1", "uid": str(n)} for n in range(20_000)],
    "finalizers": [f"a.b/{n}" for n in range(100_000)],
}


def sent(**metadata: Any) -> bytes:
    return json.dumps({"kind": "Secret", "metadata": IDENTITY | metadata, "data": {"a": "b"}}).encode()


def kept(**metadata: Any) -> Object:
    body = pruned(sent(**metadata))
    assert (body.pop("kind"), body.pop("data")) == ("Secret", {"a": "b"})
    found: Object = body.pop("metadata")
    assert not body
    return {name: value for name, value in found.items() if IDENTITY.get(name) != value}


def test_of_metadata_what_is_looked_at_is_kept() -> None:
    annotations = {APPLIED_ANNOTATION: "c", "deployment.kubernetes.io/revision": "3"}

    assert kept() == {}
    assert kept(labels=LABELS | {"a": "b"}) == {"labels": LABELS}
    assert kept(annotations=annotations | {"note": LARGE}) == {"annotations": annotations}
    assert kept(annotations={APPLIED_ANNOTATION: LARGE}) == {"annotations": {}}
    assert kept(creationTimestamp=None, deletionTimestamp="u") == {"creationTimestamp": None, "deletionTimestamp": "u"}
    owners = [{"uid": str(number)} for number in range(5000)]
    assert kept(ownerReferences=[*owners, OWNER | {"name": LARGE}]) == {"ownerReferences": [OWNER]}
    assert kept(ownerReferences=[OWNER | {"uid": LARGE}])["ownerReferences"] == [OWNER | {"uid": "a" * 64}]


def test_of_managed_fields_the_operators_own_and_a_few_of_others_are_kept_as_text() -> None:
    ours = OURS | {"fieldsV1": {"f:a": {}}}
    others = [{"manager": f"m{number}", "operation": "Update", "fieldsV1": {}} for number in range(1000)]
    text = [{**each, "fieldsV1": json.dumps(each["fieldsV1"]).encode()} for each in (ours, *others)]

    assert kept(managedFields=[*others, {"fieldsV1": {}}, ours, ours])["managedFields"] == [*text[1:4], text[0]]
    large = {f"f:{LARGE}": {}}
    assert kept(managedFields=[OURS | {"fieldsV1": large}, others[0] | {"fieldsV1": large}]) == {}
    status = ours | {"subresource": "status"}
    assert kept(managedFields=[status])["managedFields"][0]["subresource"] == "status"
    assert not was_applied(pruned(sent(managedFields=[status])))
    assert was_applied(pruned(sent(managedFields=[status, ours])))


@pytest.mark.parametrize("part", FILLED)
def test_what_nobody_looks_at_takes_no_memory(part: str) -> None:
    text = sent(**{part: FILLED[part]})
    tracemalloc.start()
    try:
        body = pruned(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2 * len(text)
    assert len(str(body)) < 1000


def test_an_object_that_is_too_deep_is_read_like_any_other() -> None:
    text = sent(ownerReferences=[OWNER], managedFields=["DEEP", OURS | {"fieldsV1": {}}])
    deep = b'{"manager": "m", "operation": "Update", "fieldsV1": ' + b'{"f:a":' * 100_000 + b"{}" + b"}" * 100_001

    text = text.replace(b'"DEEP"', deep)
    kind, item = event(b'{"type": "ADDED", "object": ' + text + b"}")
    (listed,) = Page.read(b'{"items": [' + text + b'], "metadata": {}}')

    assert kind == "ADDED"
    for body in (pruned(text), pruned(item), listed):
        assert is_owned(body, "c")
        assert was_applied(body)
        assert body["data"] == {"a": "b"}


def test_a_page_tells_what_asks_for_the_next() -> None:
    page = Page.read(b'{"metadata": {"continue": "c"}, "items": [' + sent() + b"," + sent(uid="d") + b"]}")

    assert ([each["metadata"]["uid"] for each in page], page.rest) == (["b", "d"], "c")
    empty = Page.read(b'{"metadata": {"resourceVersion": "1"}, "items": null}')
    assert ([*empty], empty.rest) == ([], "")
