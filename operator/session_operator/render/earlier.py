"""What earlier versions of the operator rendered for the same spec.

A store with such a form keeps it until its Deployment changes for another reason, so an upgrade of the operator
restarts no pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from session_operator.resource import Object


def earlier(wanted: Object) -> Iterator[Object]:
    """The earlier forms of a rendered object, newest first."""
    if wanted["kind"] != "Deployment":
        return
    pod = wanted["spec"]["template"]["spec"]
    # Before the service itself kept serving for AGNO_DRAIN_SECONDS after SIGTERM
    lifecycle = {"preStop": {"sleep": {"seconds": 5}}}
    yield _with_pod(wanted, pod | {"containers": [each | {"lifecycle": lifecycle} for each in pod["containers"]]})


def _with_pod(deployment: Object, pod: Object) -> Object:
    template = deployment["spec"]["template"] | {"spec": pod}
    return deployment | {"spec": deployment["spec"] | {"template": template}}
