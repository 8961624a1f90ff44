"""What earlier versions of the operator rendered for the same spec.

A store with such a form keeps it until its Deployment changes for another reason, so an upgrade of the operator
restarts no pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from session_operator.render.pod import AUTH_ANNOTATION
from session_operator.resource import KeyVersion, Object


def earlier(wanted: Object, key_version: KeyVersion | None) -> Iterator[Object]:
    """The earlier forms of a rendered object, newest first."""
    if wanted["kind"] != "Deployment":
        return
    yield from _of_drain(wanted)
    if key_version is None:
        return
    # Before pods were marked with a digest of the key, it was the resourceVersion of its Secret
    template = wanted["spec"]["template"]
    annotations = template["metadata"].get("annotations", {}) | {AUTH_ANNOTATION: key_version.resource_version}
    marked = _with_template(wanted, template | {"metadata": template["metadata"] | {"annotations": annotations}})
    yield marked
    yield from _of_drain(marked)


def _of_drain(wanted: Object) -> Iterator[Object]:
    pod = wanted["spec"]["template"]["spec"]
    # Before the service itself kept serving for AGNO_DRAIN_SECONDS after SIGTERM
    lifecycle = {"preStop": {"sleep": {"seconds": 5}}}
    pod = pod | {"containers": [each | {"lifecycle": lifecycle} for each in pod["containers"]]}
    yield _with_template(wanted, wanted["spec"]["template"] | {"spec": pod})


def _with_template(deployment: Object, template: Object) -> Object:
    return deployment | {"spec": deployment["spec"] | {"template": template}}
