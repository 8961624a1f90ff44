"""What the charts render is taken by a real API server, in namespaces that allow restricted pods only."""

from __future__ import annotations

import json

import pytest

from tests.operator.apiserver import ApiServer

from . import helm


@pytest.mark.parametrize("case", helm.MATRIX)
def test_the_api_server_takes_every_object_and_the_pods_without_a_warning(server: ApiServer, case: str) -> None:
    objects = helm.rendered(case)
    # A Deployment is taken whatever its pods are
    template = helm.one(objects, "Deployment")["spec"]["template"]
    metadata = {**template["metadata"], "name": "pod", "namespace": helm.NAMESPACE}
    items = [*objects, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}]

    done = server.kubectl(
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
        "--force-conflicts",
        "--filename=-",
        stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}),
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert len(done.stdout.splitlines()) == len(items)
