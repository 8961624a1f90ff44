"""How often Secrets may roll the pods of a store: at most once in `rotation.minIntervalSeconds`.

When pods were rolled last is read off the Deployment, where the API server notes when the operator changed it: that
survives a restart of the operator, and a Secret that flaps between two values as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from session_operator.objects import Objects
from session_operator.ownership import applied_at
from session_operator.render.pod import AUTH_ANNOTATION, mounted_map
from session_operator.resource import Object, SessionStore
from session_operator.status import is_reported


def held_until(store: SessionStore, objects: Objects, wanted: Object, now: datetime) -> datetime | None:
    """Until when the pods keep what they have, None if the wanted Deployment may be applied.

    A change of the spec is applied at once, and so is what was changed in the cluster by others.
    """
    deployment = objects.deployment
    if not store.rotation_seconds or deployment is None or not is_reported(store):
        return None
    template = deployment["spec"]["template"]
    if _of_secrets(template) == _of_secrets(wanted["spec"]["template"]) or not objects.has_map(mounted_map(template)):
        return None
    changed = applied_at(deployment)
    # Times of managedFields are cut to the second
    until = changed + timedelta(seconds=store.rotation_seconds + 1) if changed else now
    return until if until > now else None


def _of_secrets(template: Object) -> tuple[str | None, str | None]:
    """What of a template of pods changes with Secrets."""
    return mounted_map(template), template["metadata"].get("annotations", {}).get(AUTH_ANNOTATION)
