"""One level-based pass over a SessionStore, whatever triggered it: read, render, apply, observe, report."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp

from session_operator.cluster import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    HTTP_ROUTES,
    OPTIONAL,
    OWNED,
    PODS,
    REPLICA_SETS,
    SECRETS,
    STORES,
    ApiError,
    Cluster,
    Kind,
)
from session_operator.events import Happening, Recorder, transitions
from session_operator.ownership import drift, is_applied, is_owned, owns_replicas, stamp, was_applied
from session_operator.render import render
from session_operator.render.dsn_map import name_prefix
from session_operator.render.earlier import earlier
from session_operator.render.pod import mounted_map
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Key, Object, SessionStore
from session_operator.sources import key_version, missing_key, resolve
from session_operator.status import Finding, Reason, report
from session_operator.workload import Workload, health_url, workload

logger = logging.getLogger(__name__)

UNSETTLED_SECONDS = 15
"""How soon a store that is not well is looked at again: databases change without any Kubernetes event."""
ASK_SECONDS = 1
_KINDS = {(kind.api_version, kind.name): kind for kind in OWNED}

Live = dict[tuple[Kind, str], Object]


class Reconciler:
    """Makes clusters what SessionStores say. Knows which store names which Secret; all else it reads anew."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster)
        self._stores_of_secret: dict[Key, set[Key]] = defaultdict(set)
        self._secrets_of_store: dict[Key, frozenset[Key]] = {}
        self._asking = asyncio.Semaphore(16)

    def stores_of(self, secret: Key) -> Iterable[Key]:
        """The stores that name a Secret."""
        return tuple(self._stores_of_secret.get(secret, ()))

    async def reconcile(self, key: Key) -> float | None:
        """Make one pass. Returns the seconds until the next look, None if an event will tell.

        Raises `ApiError` and what the network raises: try again later.
        """
        body = await self._cluster.get(STORES, key.namespace, key.name)
        if body is None or "deletionTimestamp" in body["metadata"]:  # owner references do the rest
            self._remember(key, frozenset())
            return None
        store = SessionStore.parse(body)
        # Before reading: a Secret that changes between the two is then read anew
        self._remember(key, frozenset(Key(key.namespace, name) for name in store.secrets))
        secrets = {name: await self._cluster.get(SECRETS, key.namespace, name) for name in sorted(store.secrets)}
        config_maps = {name: await self._cluster.get(CONFIG_MAPS, key.namespace, name) for name in store.config_maps}
        resolutions = resolve(store, secrets)
        no_key = missing_key(store, secrets, config_maps)
        version = key_version(store, secrets)
        del secrets
        live = await self._read(store)
        failure = Finding(Reason(no_key.state), f"auth: {no_key.message}") if no_key else None
        absent: Finding | None = None
        error: Exception | None = None
        if not store.paused and failure is None and all(resolution.resolved for resolution in resolutions):
            dsns = {each.database.id: each.dsn for each in resolutions if each.dsn is not None}
            replicas = {each.database.id: each.read_only_dsn for each in resolutions if each.read_only_dsn is not None}
            wanted, absent = await self._served(render(store, dsns, version, read_only_dsns=replicas))
            try:
                failure = await self._apply(store, wanted, live)
                await self._delete_unwanted(store, wanted, live)
            except ApiError as refusal:
                if refusal.status not in (400, 403, 422):
                    raise
                failure, error = Finding(Reason.APPLY_REFUSED, refusal.message), refusal
        deployment = live.get((DEPLOYMENTS, key.name))
        if deployment is not None and not is_owned(deployment, store.uid):
            deployment = None
        running = await self._observe(store, deployment) if deployment else None
        status = report(
            store,
            resolutions,
            dsn_map=mounted_map(deployment["spec"]["template"]) if deployment else None,
            workload=running,
            failure=failure,
            absent=absent,
            now=datetime.now(UTC),
        )
        if status != store.status:
            await self._write_status(store, status)
            for happening in transitions(store.status, status):
                await self._recorder.record(store, happening)
        if error is not None:
            raise error
        # During a rollout the ReplicaSet of the template before may still be in the making
        if not store.paused and deployment is not None and running is not None and not running.rolling:
            await self._delete_old_maps(store, live, deployment)
        return None if _settled(status) else UNSETTLED_SECONDS

    def _remember(self, store: Key, secrets: frozenset[Key]) -> None:
        for secret in self._secrets_of_store.pop(store, frozenset()) - secrets:
            self._stores_of_secret[secret].discard(store)
            if not self._stores_of_secret[secret]:
                del self._stores_of_secret[secret]
        for secret in secrets:
            self._stores_of_secret[secret].add(store)
        if secrets:
            self._secrets_of_store[store] = secrets

    async def _read(self, store: SessionStore) -> Live:
        """What has the names of the store's objects, owned or not; of all but the Deployment the metadata alone."""
        namespace, name = store.key
        maps = await self._cluster.list(SECRETS, namespace, selector=_selector(store), metadata_only=True)
        live = {(SECRETS, item["metadata"]["name"]): item for item in maps}
        named = [kind for kind in OWNED if kind is not SECRETS]
        items = await asyncio.gather(
            *(self._cluster.get(kind, namespace, name, metadata_only=kind is not DEPLOYMENTS) for kind in named)
        )
        return live | {(kind, name): item for kind, item in zip(named, items, strict=True) if item is not None}

    async def _served(self, rendered: Iterable[Object]) -> tuple[Sequence[tuple[Kind, Object]], Finding | None]:
        """The objects by kind, without those of a kind that the API server lacks; what to say of these."""
        wanted = [(_KINDS[each["apiVersion"], each["kind"]], each) for each in rendered]
        if all(kind is not HTTP_ROUTES for kind, _ in wanted) or await self._cluster.serves(HTTP_ROUTES):
            return wanted, None
        message = "the cluster does not serve HTTPRoutes: install the Gateway API, or leave httpRoute out"
        served = [(kind, each) for kind, each in wanted if kind is not HTTP_ROUTES]
        return served, Finding(Reason.GATEWAY_API_MISSING, message)

    async def _apply(self, store: SessionStore, wanted: Sequence[tuple[Kind, Object]], live: Live) -> Finding | None:
        """Apply what differs, and keep `live` true. Says so if a name belongs to somebody else."""
        for kind, bare in wanted:
            name = bare["metadata"]["name"]
            there = live.get((kind, name))
            if there is None and kind is SECRETS:  # it may have lost its labels
                there = await self._cluster.get(kind, store.key.namespace, name, metadata_only=True)
            target = _target(bare, there)
            if there is not None:
                if not is_owned(there, store.uid) and not _ours_to_take(there):
                    message = f"{kind.name} {name} exists and is not of this store: delete it, or rename the store"
                    return Finding(Reason.NAME_TAKEN, message)
                live[kind, name] = there
                if is_applied(target, there):
                    drifted = drift(target, there)
                    if not drifted:
                        continue
                    await self._recorder.record(store, Happening.of_drift(kind.name, name, drifted))
                logger.info("%s: applying %s %s", store.key, kind.name, name)
                if kind is DEPLOYMENTS and store.replicas is None and owns_replicas(there):
                    await self._hand_over_replicas(store, there)
            else:
                logger.info("%s: creating %s %s", store.key, kind.name, name)
            try:
                live[kind, name] = await self._cluster.apply(kind, target)
            except ApiError as error:
                if kind is SECRETS:  # the server quotes what it refuses
                    raise ApiError(error.status, error.reason, f"Secret {name} was refused") from None
                raise
        return None

    async def _hand_over_replicas(self, store: SessionStore, deployment: Object) -> None:
        """Keep the number of pods when the spec no longer says it: a field that nobody owns falls back to 1."""
        # A HorizontalPodAutoscaler never starts from 0
        replicas = max(deployment["spec"]["replicas"], store.fewest_pods or 0)
        metadata = {name: deployment["metadata"][name] for name in ("namespace", "name")}
        body = {"apiVersion": DEPLOYMENTS.api_version, "kind": DEPLOYMENTS.name, "metadata": metadata}
        await self._cluster.apply(DEPLOYMENTS, body | {"spec": {"replicas": replicas}}, manager=f"{MANAGER}-handover")

    async def _delete_unwanted(self, store: SessionStore, wanted: Sequence[tuple[Kind, Object]], live: Live) -> None:
        """Delete what the store asked for once and no longer does."""
        kinds = {kind for kind, _ in wanted}
        for (kind, name), item in live.items():
            if kind in OPTIONAL and kind not in kinds and is_owned(item, store.uid):
                logger.info("%s: deleting %s %s, which is no longer wanted", store.key, kind.name, name)
                await self._cluster.delete(kind, store.key.namespace, name, item["metadata"]["uid"])

    async def _observe(self, store: SessionStore, deployment: Object) -> Workload:
        pods = await self._cluster.list(PODS, store.key.namespace, selector=_selector(store))
        urls = {pod["metadata"]["name"]: url for pod in pods if (url := health_url(pod))}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_SECONDS)) as session:
            answers = await asyncio.gather(*(self._ask(session, url) for url in urls.values()))
        return workload(deployment, pods, dict(zip(urls, answers, strict=True)))

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> Any:
        """What a pod says of its databases; None where the network does not let the operator through."""
        async with self._asking:
            try:
                async with session.get(url) as response:
                    return await response.json()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                return None

    async def _write_status(self, store: SessionStore, status: Object) -> None:
        metadata = {"name": store.key.name, "namespace": store.key.namespace, "uid": store.uid}
        body = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": metadata, "status": status}
        try:
            await self._cluster.apply(STORES, body, subresource="status")
        except ApiError as error:
            if error.status not in (404, 409):  # deleted meanwhile, or made anew under another uid
                raise

    async def _delete_old_maps(self, store: SessionStore, live: Live, deployment: Object) -> None:
        """Delete the DSN maps that neither the Deployment nor one of its ReplicaSets mounts."""
        maps = {
            name: item
            for (kind, name), item in live.items()
            if kind is SECRETS and name.startswith(name_prefix(store)) and is_owned(item, store.uid)
        }
        newest = mounted_map(deployment["spec"]["template"])
        if not maps.keys() - {newest}:
            return
        replica_sets = await self._cluster.list(REPLICA_SETS, store.key.namespace, selector=_selector(store))
        mounted = {mounted_map(replica_set["spec"]["template"]) for replica_set in replica_sets}
        for name in maps.keys() - mounted - {newest}:
            logger.info("%s: deleting Secret %s, which no ReplicaSet mounts", store.key, name)
            await self._cluster.delete(SECRETS, store.key.namespace, name, maps[name]["metadata"]["uid"])


def _selector(store: SessionStore) -> str:
    return f"{INSTANCE_LABEL}={store.key.name},{MANAGED_BY_LABEL}={MANAGER}"


def _target(bare: Object, there: Object | None) -> Object:
    """The stamped object, in the form in which it was applied if an earlier version did that for the same spec."""
    forms = [stamp(form) for form in (bare, *earlier(bare))]
    return next((form for form in forms if there is not None and is_applied(form, there)), forms[0])


def _ours_to_take(there: Object) -> bool:
    """Whether an object without our owner reference was ours: somebody removed the reference and set no other owner."""
    owners = there["metadata"].get("ownerReferences", ())
    return was_applied(there) and not any(owner.get("controller") for owner in owners)


def _settled(status: Mapping[str, Any]) -> bool:
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    waits_for_an_event = conditions["DatabasesResolved"]["status"] == "False"
    well = conditions["Degraded"]["status"] == "False" and conditions["Progressing"]["status"] == "False"
    return bool(waits_for_an_event or well)
