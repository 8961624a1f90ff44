"""Selects the DSN maps of a store to delete: those that no pod uses or will use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Self

from session_operator.bodies import REVISION_ANNOTATION
from session_operator.render.deployment import REVISIONS
from session_operator.render.pod import mounted_map
from session_operator.resource import Object

_IN_THE_MAKING = 10
"""How many of the newest maps stay until the Deployment controller has seen the newest Deployment. It may be creating
pods with one of them."""


@dataclass(frozen=True, slots=True, order=True)
class Mounting:
    """A ReplicaSet: its revision, the map that its pods mount, and whether it has pods."""

    revision: int
    dsn_map: str
    has_pods: bool

    @classmethod
    def of(cls, replica_set: Object) -> Self:
        """Read a ReplicaSet."""
        revision = replica_set["metadata"].get("annotations", {}).get(REVISION_ANNOTATION, "")
        pods = replica_set["spec"].get("replicas", 0) or replica_set.get("status", {}).get("replicas", 0)
        mounted = mounted_map(replica_set["spec"]["template"]) or ""
        return cls(int(revision) if revision.isdecimal() else 0, mounted, bool(pods))


def old_maps(
    maps: Mapping[str, Object], kept: Set[str | None], mountings: Iterable[Mounting], *, all_seen: bool
) -> Collection[str]:
    """The names of the maps to delete. `all_seen` says whether every rolled-out template has its ReplicaSet.

    While a rollout is stalled, Kubernetes keeps a ReplicaSet for each change, without a limit. Of those without pods,
    only the last few keep their maps, as many as after a finished rollout.
    """
    newest = sorted(mountings, reverse=True)
    mounted = {each.dsn_map for number, each in enumerate(newest) if each.has_pods or number <= REVISIONS}
    others = sorted(maps.keys() - kept - mounted, key=lambda name: age(maps[name]))
    return others if all_seen else others[:-_IN_THE_MAKING]


def age(item: Object) -> tuple[str, int]:
    """What tells the newer of two maps: it is greater."""
    metadata = item["metadata"]
    # the time has whole seconds; within one, versions grow
    return metadata["creationTimestamp"], int(metadata["resourceVersion"])
