"""Which DSN maps of a store may go: those that no pod has, and none will get."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Self

from session_operator.bodies import REVISION_ANNOTATION
from session_operator.render.deployment import REVISIONS
from session_operator.render.pod import mounted_map
from session_operator.resource import Object

_IN_THE_MAKING = 10
"""So many of the newest stay until the Deployment controller has seen all of the Deployment: it may be making pods of
one of them."""


@dataclass(frozen=True, slots=True, order=True)
class Mounting:
    """What matters of a ReplicaSet: how new it is, the map that its pods mount, and whether it has pods."""

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
    """The names of maps to delete. `all_seen` says whether there is a ReplicaSet of all that was rolled out.

    While a rollout does not end, Kubernetes keeps the ReplicaSet of each change, however many there are: of those
    without pods the last few alone keep their maps, as many as there are after a rollout.
    """
    newest = sorted(mountings, reverse=True)
    mounted = {each.dsn_map for number, each in enumerate(newest) if each.has_pods or number <= REVISIONS}
    others = sorted(maps.keys() - kept - mounted, key=lambda name: _made(maps[name]))
    return others if all_seen else others[:-_IN_THE_MAKING]


def _made(item: Object) -> tuple[str, int]:
    metadata = item["metadata"]
    return metadata["creationTimestamp"], int(metadata["resourceVersion"])  # of one second, the later has the larger
