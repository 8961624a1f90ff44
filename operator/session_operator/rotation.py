"""How often Secrets may roll the pods of a store: at most once in `rotation.minIntervalSeconds`.

The time of the last rollout comes from the Deployment, where the API server records when the operator changed it. That
record survives a restart of the operator, and also shows a Secret that flaps between two values.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from session_operator.objects import Objects
from session_operator.ownership import applied_at
from session_operator.render.pod import AUTH_ANNOTATION, mounted_map
from session_operator.resource import Object, SessionStore
from session_operator.status import is_reported


def held_until(store: SessionStore, objects: Objects, wanted: Object, now: datetime) -> datetime | None:
    """Until when the pods keep their current Secrets, None if the wanted Deployment may be applied now.

    A change of the spec is applied at once, and so are reverts of changes that others made in the cluster.
    """
    deployment = objects.deployment
    if not store.rotation_seconds or deployment is None or not is_reported(store):
        return None
    template = deployment["spec"]["template"]
    if _of_secrets(template) == _of_secrets(wanted["spec"]["template"]) or not objects.has_map(mounted_map(template)):
        return None
    changed = applied_at(deployment)
    # managedFields has times in whole seconds
    until = changed + timedelta(seconds=store.rotation_seconds + 1) if changed else now
    return until if until > now else None


def _of_secrets(template: Object) -> tuple[str | None, str | None]:
    """The parts of a pod template that change with Secrets."""
    return mounted_map(template), template["metadata"].get("annotations", {}).get(AUTH_ANNOTATION)
