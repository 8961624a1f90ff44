"""Drift is told from managedFields: values may differ in writing, ownership may not."""

from __future__ import annotations

from typing import Any

import pytest

from session_operator.ownership import is_owned, lost_fields, stamp, was_applied
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
    applied = {"manager": "session-operator", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    others = {"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsV1": {}}
    annotations = WANTED["metadata"]["annotations"]
    return {"metadata": {"annotations": annotations, "managedFields": [others, applied | entry]}}


def test_an_object_that_is_as_it_was_applied_has_lost_nothing() -> None:
    assert lost_fields(WANTED, live(FIELDS)) == ()


PORT = 'k:{"port":80,"protocol":"TCP"}'
LOST: dict[str, Object] = {
    "metadata.labels": FIELDS | {"f:metadata": {"f:annotations": {"f:sessionstore.dev/applied": {}}}},
    "metadata.labels.app": FIELDS | {"f:metadata": FIELDS["f:metadata"] | {"f:labels": {"f:other": {}}}},
    "spec.selector": FIELDS | {"f:spec": {"f:ports": FIELDS["f:spec"]["f:ports"]}},
    "spec.ports[0].targetPort": FIELDS
    | {"f:spec": {"f:selector": {}, "f:ports": {PORT: {".": {}, "f:port": {}, "f:protocol": {}}}}},
    "spec.ports[0]": FIELDS | {"f:spec": {"f:selector": {}, "f:ports": {'k:{"port":81,"protocol":"TCP"}': {".": {}}}}},
}


@pytest.mark.parametrize("field", LOST)
def test_a_field_that_somebody_took_over_is_named(field: str) -> None:
    assert lost_fields(WANTED, live(LOST[field])) == (field,)


def test_an_item_of_a_list_of_which_only_the_place_is_left_has_lost_all_its_fields() -> None:
    fields = FIELDS | {"f:spec": {"f:selector": {}, "f:ports": {PORT: {".": {}}}}}

    assert lost_fields(WANTED, live(fields)) == tuple(
        f"spec.ports[0].{each}" for each in ("port", "protocol", "targetPort")
    )


def test_a_field_that_is_no_longer_wanted_changes_the_stamp() -> None:
    leaner = stamp({**WANTED, "spec": {"selector": {"app": "chat"}}})

    assert lost_fields(leaner, live(FIELDS)) == ("metadata.annotations.sessionstore.dev/applied",)


@pytest.mark.parametrize(
    "entry", [{"manager": "helm"}, {"operation": "Update"}, {"subresource": "status"}], ids=lambda entry: str(entry)
)
def test_what_others_wrote_is_not_what_was_applied(entry: Object) -> None:
    assert not was_applied(live(FIELDS, **entry))
    assert lost_fields(WANTED, live(FIELDS, **entry)) == ("managedFields",)


def test_a_stamp_does_not_depend_on_what_a_secret_holds() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "chat-dsn-map-1"}}

    assert stamp(secret | {"data": {"a": "eA=="}})["metadata"] == stamp(secret | {"data": {"a": "eQ=="}})["metadata"]


def test_only_the_controller_owns() -> None:
    owner = {"uid": "6f9d", "controller": True}

    assert is_owned({"metadata": {"ownerReferences": [owner]}}, "6f9d")
    assert not is_owned({"metadata": {"ownerReferences": [owner]}}, "other")
    assert not is_owned({"metadata": {"ownerReferences": [{"uid": "6f9d"}]}}, "6f9d")
    assert not is_owned({"metadata": {}}, "6f9d")
