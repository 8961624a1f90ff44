"""Drift is told from managedFields: values may differ in writing, ownership may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from session_operator.ownership import Drift, drift, is_applied, is_owned, stamp, was_applied
from session_operator.resource import Object

WANTED: Object = stamp(
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "chat", "namespace": "default", "labels": {"app": "chat"}},
        "spec": {
            "selector": {"app": "chat"},
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
    }
)
FIELDS: Object = {
    "f:metadata": {
        "f:annotations": {"f:sessionstore.dev/applied": {}},
        "f:labels": {"f:app": {}},
    },
    "f:spec": {
        "f:selector": {},
        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}},
    },
}


def live(fields: Any, **entry: Any) -> Object:
    applied = {
        "manager": "session-operator",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsV1": json.dumps(fields).encode(),
    }
    others = {"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsV1": b"{}"}
    annotations = WANTED["metadata"]["annotations"]
    return {"metadata": {"annotations": annotations, "managedFields": [others, applied | entry]}}


def test_an_object_that_is_as_it_was_applied_has_not_drifted() -> None:
    assert is_applied(WANTED, live(FIELDS))
    assert drift(WANTED, live(FIELDS)) == ()


PORT = 'k:{"port":80,"protocol":"TCP"}'
OTHER_PORT = 'k:{"port":81,"protocol":"TCP"}'
TAKEN: dict[str, Object] = {
    "metadata.labels": FIELDS | {"f:metadata": {"f:annotations": {"f:sessionstore.dev/applied": {}}}},
    "metadata.labels.app": FIELDS | {"f:metadata": FIELDS["f:metadata"] | {"f:labels": {"f:other": {}}}},
    "spec.selector": FIELDS | {"f:spec": {"f:ports": FIELDS["f:spec"]["f:ports"]}},
    "spec.ports[port=80,protocol=TCP].targetPort": FIELDS
    | {"f:spec": {"f:selector": {}, "f:ports": {PORT: {".": {}, "f:port": {}, "f:protocol": {}}}}},
    "spec.ports[port=80]": FIELDS | {"f:spec": {"f:selector": {}, "f:ports": {OTHER_PORT: {".": {}}}}},
}


@pytest.mark.parametrize("field", TAKEN)
def test_a_field_that_somebody_took_over_is_named(field: str) -> None:
    assert [each.field for each in drift(WANTED, live(TAKEN[field]))] == [field]


def test_an_item_of_a_list_of_which_only_the_place_is_left_has_lost_all_its_fields() -> None:
    fields = FIELDS | {"f:spec": {"f:selector": {}, "f:ports": {PORT: {".": {}}}}}

    found = [each.field.rpartition(".")[2] for each in drift(WANTED, live(fields))]
    assert found == ["port", "protocol", "targetPort"]


def test_who_took_a_field_over_is_named() -> None:
    body = live(TAKEN["spec.selector"])
    theirs = {
        "manager": "kubectl-edit",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsV1": b'{"f:spec": {"f:selector": {}}}',
    }
    body["metadata"]["managedFields"].append(theirs)

    assert drift(WANTED, body) == (Drift("spec.selector", "kubectl-edit"),)


def test_a_field_that_is_no_longer_wanted_is_something_new_to_apply() -> None:
    leaner = stamp({**WANTED, "spec": {"selector": {"app": "chat"}}})

    assert not is_applied(leaner, live(FIELDS))


@pytest.mark.parametrize(
    "entry", [{"manager": "helm"}, {"operation": "Update"}, {"subresource": "status"}], ids=lambda entry: str(entry)
)
def test_what_others_wrote_is_not_what_was_applied(entry: Object) -> None:
    assert not was_applied(live(FIELDS, **entry))
    assert not is_applied(WANTED, live(FIELDS, **entry))


def test_a_stamp_does_not_depend_on_what_a_secret_holds() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chat-dsn-map-1"}}

    assert stamp(secret | {"data": {"a": "eA=="}})["metadata"] == stamp(secret | {"data": {"a": "eQ=="}})["metadata"]


def test_a_stamp_leaves_annotations_where_they_are() -> None:
    annotated = {"kind": "Service", "metadata": {"name": "chat", "annotations": {"a": "b"}}}

    assert stamp(annotated)["metadata"]["annotations"].keys() == {"a", "sessionstore.dev/applied"}


def test_only_the_controller_owns() -> None:
    owner = {"uid": "6f9d", "controller": True}

    assert is_owned({"metadata": {"ownerReferences": [owner]}}, "6f9d")
    assert not is_owned({"metadata": {"ownerReferences": [owner]}}, "other")
    assert not is_owned({"metadata": {"ownerReferences": [{"uid": "6f9d"}]}}, "6f9d")
    assert not is_owned({"metadata": {}}, "6f9d")
