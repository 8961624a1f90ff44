"""The objects of a store in the cluster: which exist, which differ from the wanted ones, which may be deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Mapping, Sequence, Set
from typing import Self

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.events import Recorder, StoreEvent
from session_operator.kinds import (
    DEPLOYMENTS,
    NETWORK_POLICIES,
    OPTIONAL,
    OWNED,
    REPLICA_SETS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Kind,
)
from session_operator.last_good import Entries, entries
from session_operator.old_maps import Mounting, age, old_maps
from session_operator.ownership import drift, is_applied, is_owned, owns_replicas, stamp, was_applied
from session_operator.reasons import Finding, Reason
from session_operator.render.dsn_map import name_prefix
from session_operator.render.earlier import earlier
from session_operator.render.labels import instance_selector
from session_operator.render.pod import mounted_map
from session_operator.resource import MANAGER, KeyVersion, Object, SessionStore
from session_operator.sources import Resolution
from session_operator.workload import is_seen

logger = logging.getLogger(__name__)

REFUSED = (400, 403, 422)
"""The answers of an API server that does not take an object as it is."""
BEFORE_PODS = (SERVICE_ACCOUNTS, SECRETS, NETWORK_POLICIES)
"""What pods need, or must not be without."""


class Objects:
    """The existing objects with the names that a store uses, owned by it or not, as read in one pass."""

    def __init__(
        self,
        cluster: Cluster,
        store: SessionStore,
        live: Mapping[tuple[Kind, str], Object],
        key_version: KeyVersion | None = None,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._key_version = key_version
        self._live = dict(live)

    @classmethod
    async def read(
        cls,
        cluster: Cluster,
        store: SessionStore,
        key_version: KeyVersion | None,
        but: Container[tuple[Kind, str]] = (),
    ) -> Self:
        """Read them: the whole Deployment, of others the metadata. `but` names some that are known not to exist."""
        namespace, name = store.key
        named = [(kind, name) for kind in OWNED if kind is not SECRETS] + [(SERVICES, store.metrics_service)]
        named = [each for each in named if each not in but]
        maps, items = await asyncio.gather(
            _maps(cluster, store),
            asyncio.gather(
                *(cluster.get(kind, namespace, name, metadata_only=kind is not DEPLOYMENTS) for kind, name in named)
            ),
        )
        live = maps | {each: item for each, item in zip(named, items, strict=True) if item is not None}
        return cls(cluster, store, live, key_version)

    @property
    def deployment(self) -> Object | None:
        """The Deployment, if the store owns it."""
        deployment = self._live.get((DEPLOYMENTS, self._store.key.name))
        return deployment if deployment is not None and is_owned(deployment, self._store.uid) else None

    def has_map(self, name: str | None) -> bool:
        """Whether the store has a DSN map of that name."""
        return (SECRETS, name) in self._live

    async def kept(self, resolutions: Sequence[Resolution]) -> Entries | None:
        """What pods get of the databases without a DSN; None if nothing can be rolled out."""
        name = None if all(each.resolved for each in resolutions) else self._newest_map()
        found = await self._cluster.get(SECRETS, self._store.key.namespace, name, whole=True) if name else None
        return entries(self._store, resolutions, found)

    def _newest_map(self) -> str | None:
        """The name of the DSN map that the Deployment mounts, without a Deployment of the newest; None without any."""
        maps = {name: item for (kind, name), item in self._live.items() if kind is SECRETS}
        if self.deployment is not None:
            mounted = mounted_map(self.deployment["spec"]["template"])
            return mounted if mounted in maps else None
        return max(maps, key=lambda name: age(maps[name]), default=None)

    async def find(self, kind: Kind, name: str) -> Object | None:
        """The existing object, owned or not; None if there is none."""
        if (kind, name) not in self._live and kind is SECRETS:  # somebody may have removed its labels
            secret = await self._cluster.get(kind, self._store.key.namespace, name, metadata_only=True)
            if secret is not None:
                self._live[kind, name] = secret
        return self._live.get((kind, name))

    def target(self, bare: Object, there: Object | None) -> Object:
        """The stamped object; in its earlier form, if an earlier version applied that for the same spec."""
        forms = [stamp(form) for form in (bare, *earlier(bare, self._key_version))]
        return next((form for form in forms if there is not None and is_applied(form, there)), forms[0])

    def taken(self, kind: Kind, there: Object) -> Finding | None:
        """A finding if an object that the store does not own has a name that the store needs."""
        if is_owned(there, self._store.uid) or _ours_to_take(there):
            return None
        name = there["metadata"]["name"]
        message = f"{kind.name} {name} exists and does not belong to this store: delete it, or rename the store"
        return Finding(Reason.NAME_TAKEN, message)

    async def apply(self, wanted: Sequence[tuple[Kind, Object]], recorder: Recorder) -> Finding | None:
        """Apply the objects that differ. Returns a finding if somebody else owns some of the names.

        What the API server refuses holds back nothing else, unless pods would be without it; then `ApiError`.
        """
        taken: list[Finding] = []
        refusals: list[ApiError] = []
        for kind, bare in wanted:
            try:
                finding = await self._apply(kind, bare, recorder)
            except ApiError as refusal:
                if refusal.status not in REFUSED or kind in BEFORE_PODS:
                    raise
                refusals.append(refusal)
                continue
            if finding is not None:
                taken.append(finding)
                if kind in BEFORE_PODS:
                    break
        if refusals:
            raise refusals[0]
        return Finding(taken[0].reason, "; ".join(each.message for each in taken)) if taken else None

    async def _apply(self, kind: Kind, bare: Object, recorder: Recorder) -> Finding | None:
        store, name = self._store, bare["metadata"]["name"]
        there = await self.find(kind, name)
        target = self.target(bare, there)
        if there is not None:
            if taken := self.taken(kind, there):
                return taken
            if is_applied(target, there):
                drifted = drift(target, there)
                if not drifted:
                    return None
                await recorder.record(store.key, store.uid, StoreEvent.of_drift(kind.name, name, drifted))
            logger.info("%s: applying %s %s", store.key, kind.name, name)
            if kind is DEPLOYMENTS and store.replicas is None and owns_replicas(there):
                await self._hand_over_replicas(there)
        else:
            logger.info("%s: creating %s %s", store.key, kind.name, name)
        try:
            self._live[kind, name] = await self._cluster.apply(kind, target)
        except ApiError as error:
            if kind is SECRETS:  # the server quotes what it refuses
                raise ApiError(error.status, error.reason, f"Secret {name} was refused") from None
            raise
        return None

    def unwanted(self, wanted: Sequence[tuple[Kind, Object]]) -> list[tuple[Kind, Object]]:
        """The owned objects that the store no longer wants."""
        optional = self._optional({(kind, each["metadata"]["name"]) for kind, each in wanted})
        found = [(kind, item) for (kind, name), item in self._live.items() if (kind, name) in optional]
        return [(kind, item) for kind, item in found if is_owned(item, self._store.uid)]

    async def delete_unwanted(self, wanted: Sequence[tuple[Kind, Object]]) -> None:
        """Delete the objects that the store owns and no longer wants."""
        for kind, item in self.unwanted(wanted):
            await self._delete(kind, item, "is no longer wanted")

    def skippable(self, asked: Set[tuple[Kind, str]]) -> frozenset[tuple[Kind, str]]:
        """The optional objects that the store neither asks for nor has: the same spec need not read them again."""
        return frozenset(self._optional(asked) - self._live.keys())

    def _optional(self, asked: Set[tuple[Kind, str]]) -> Set[tuple[Kind, str]]:
        optional = {(kind, self._store.key.name) for kind in OPTIONAL} | {(SERVICES, self._store.metrics_service)}
        return optional - asked

    async def delete_old_maps(self, wanted: str | None) -> None:
        """Delete the DSN maps that no pod uses or will use."""
        deployment, prefix = self.deployment, name_prefix(self._store)
        maps = {name: item for (kind, name), item in self._live.items() if kind is SECRETS and name.startswith(prefix)}
        kept = {wanted, mounted_map(deployment["spec"]["template"]) if deployment else None}
        if not maps.keys() - kept:
            return
        listed = self._cluster.list(REPLICA_SETS, self._store.key.namespace, selector=instance_selector(self._store))
        mountings = [Mounting.of(each) async for each in listed]
        for name in old_maps(maps, kept, mountings, all_seen=deployment is None or is_seen(deployment)):
            await self._delete(SECRETS, maps[name], "is mounted by no pod")

    async def _hand_over_replicas(self, deployment: Object) -> None:
        """Keep the number of pods when the spec no longer sets it: a field that nobody owns is reset to 1."""
        # A HorizontalPodAutoscaler never starts from 0
        replicas = max(deployment["spec"]["replicas"], self._store.fewest_pods or 0)
        metadata = {name: deployment["metadata"][name] for name in ("namespace", "name")}
        body = {"apiVersion": DEPLOYMENTS.api_version, "kind": DEPLOYMENTS.name, "metadata": metadata}
        await self._cluster.apply(DEPLOYMENTS, body | {"spec": {"replicas": replicas}}, manager=f"{MANAGER}-handover")

    async def _delete(self, kind: Kind, item: Object, why: str) -> None:
        name = item["metadata"]["name"]
        logger.info("%s: deleting %s %s, which %s", self._store.key, kind.name, name, why)
        await self._cluster.delete(kind, self._store.key.namespace, name, item["metadata"]["uid"])


def _ours_to_take(there: Object) -> bool:
    """Whether we may take back an object: somebody removed our owner reference and set no other owner."""
    owners = there["metadata"].get("ownerReferences", ())
    return was_applied(there) and not any(owner.get("controller") for owner in owners)


async def _maps(cluster: Cluster, store: SessionStore) -> dict[tuple[Kind, str], Object]:
    """The DSN maps of a store. Anybody can set its labels on a Secret, so foreign ones are dropped as they are read."""
    secrets = cluster.list(SECRETS, store.key.namespace, selector=instance_selector(store), metadata_only=True)
    return {
        (SECRETS, each["metadata"]["name"]): each
        async for each in secrets
        if is_owned(each, store.uid) and each["metadata"]["name"].startswith(name_prefix(store))
    }
