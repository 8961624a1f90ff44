"""One level-based pass over a SessionStore, whatever triggered it: read, render, apply, observe, report."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.events import Recorder, StoreEvent, transitions
from session_operator.installable import served
from session_operator.kinds import CONFIG_MAPS, DEPLOYMENTS, KINDS, NETWORK_POLICIES, SECRETS, STORES, Kind
from session_operator.last_good import render_found
from session_operator.objects import REFUSED, Objects
from session_operator.observation import Observer
from session_operator.pace import UNSETTLED_SECONDS, Pace
from session_operator.reasons import Finding, Reason
from session_operator.remembered import remembered
from session_operator.render.pod import mounted_map
from session_operator.resource import Key, KeyVersion, Malformed, Object, SessionStore
from session_operator.rotation import held_until
from session_operator.sources import Resolution, key_version, missing_key, resolve, trimmed
from session_operator.status import applied_generation, begun, is_reported, refused, report

logger = logging.getLogger(__name__)

_ROTATED = (SECRETS, DEPLOYMENTS, NETWORK_POLICIES)
"""Kinds whose objects depend on the content of Secrets."""
Tell = Callable[[Key, Mapping[str, str] | None], None]
"""Called with the conditions of a store, as status by type; with None once the store is deleted."""


@dataclass(slots=True)
class Outcome:
    """The result of applying the objects of a store; a refusal is raised after it is reported."""

    applied: bool = False
    dsn_map: str | None = None
    failure: Finding | None = None
    absent: Finding | None = None
    held_until: datetime | None = None
    refusal: ApiError | None = None


class Reconciler:
    """Makes clusters match their SessionStores. Remembers which store names which Secret; reads all else each time."""

    def __init__(self, cluster: Cluster, tell: Tell = lambda _key, _conditions: None) -> None:
        self._cluster = cluster
        self._tell = tell
        self._recorder = Recorder(cluster)
        self._observer = Observer(cluster)
        self._stores_of_secret: dict[Key, set[Key]] = defaultdict(set)
        self._secrets_of_store: dict[Key, frozenset[Key]] = {}
        self._skippable: dict[Key, tuple[str, int, frozenset[tuple[Kind, str]]]] = {}
        self._pace = Pace()

    def stores_of(self, secret: Key) -> Iterable[Key]:
        """The stores that name a Secret."""
        return tuple(self._stores_of_secret.get(secret, ()))

    async def reconcile(self, key: Key) -> float | None:
        """Make one pass. Returns the seconds until the next one, None to wait for an event.

        Raises `ApiError` and errors of the network, after which the caller retries later.
        """
        body = await self._cluster.get(STORES, key.namespace, key.name)
        if body is None or "deletionTimestamp" in body["metadata"]:  # owner references do the rest
            self._remember(key, frozenset())
            self._skippable.pop(key, None)
            self._pace.next_look(key, settled=True)
            self._tell(key, None)
            return None
        try:
            store = SessionStore.parse(body)
        except Malformed as wrong:
            await self._refuse(key, body, str(wrong))
            return None
        # Before reading: a Secret that changes between the two is then read again
        self._remember(key, frozenset(Key(key.namespace, name) for name in store.secrets))
        secrets = await self._named(SECRETS, store, store.secrets)
        config_maps = await self._named(CONFIG_MAPS, store, store.config_maps)
        resolutions = resolve(store, secrets)
        no_key = missing_key(store, secrets, config_maps)
        version = key_version(store, secrets)
        del secrets
        objects = await Objects.read(self._cluster, store, version, self._known_skippable(store))
        outcome = Outcome()
        if no_key:
            outcome.failure = Finding(no_key.reason, f"auth: {no_key.message}")
        elif not store.paused:
            outcome = await self._apply(store, objects, resolutions, version)
        deployment = objects.deployment
        running = await self._observer.observe(store, deployment) if deployment else None
        status = report(
            store,
            resolutions,
            applied=store.generation if outcome.applied else applied_generation(store),
            dsn_map=mounted_map(deployment["spec"]["template"]) if deployment else None,
            workload=running,
            failure=outcome.failure,
            absent=outcome.absent,
            held_until=outcome.held_until,
            went_on=outcome.applied,
            now=_now(),
        )
        self._tell(key, {each["type"]: each["status"] for each in status["conditions"]})
        if status != store.status:
            await self._write_status(key, store.uid, status)
            for event in transitions(store.status, status):
                await self._recorder.record(key, store.uid, event)
        if not store.paused:
            await objects.delete_old_maps(outcome.dsn_map)
        if outcome.refusal is not None:
            raise outcome.refusal
        if outcome.held_until:
            return max(0.0, min(UNSETTLED_SECONDS, (outcome.held_until - _now()).total_seconds()))
        return self._pace.next_look(key, settled=_settled(status))

    async def _refuse(self, key: Key, body: Object, wrong: str) -> None:
        """Report that a spec is refused: nothing that it names is read, and nothing that it asks for is created."""
        logger.warning("%s: refused: %s", key, wrong)
        self._remember(key, frozenset())
        self._pace.next_look(key, settled=True)
        metadata, before = body["metadata"], remembered(body.get("status"))
        status = refused(before, metadata["generation"], wrong, _now())
        self._tell(key, {each["type"]: each["status"] for each in status["conditions"]})
        if status == before:
            return
        await self._recorder.record(
            key, metadata["uid"], StoreEvent("Warning", Reason.SPEC_REFUSED, "Reconcile", wrong)
        )
        try:
            await self._write_status(key, metadata["uid"], status)
        except ApiError as error:  # the API server may refuse a status beside such a spec, and quotes both
            logger.warning("%s: status: %s %s", key, error.status, error.reason)

    async def _apply(
        self, store: SessionStore, objects: Objects, resolutions: Sequence[Resolution], version: KeyVersion | None
    ) -> Outcome:
        """Apply the objects that the spec and the Secrets ask for."""
        kept = await objects.kept(resolutions)
        if kept is None:
            return Outcome()
        rendered = render_found(store, resolutions, version, kept)
        wanted, absent = await served(self._cluster, rendered)
        held = held_until(store, objects, next(each for kind, each in wanted if kind is DEPLOYMENTS), _now())
        dsn_map = next(each["metadata"]["name"] for kind, each in wanted if kind is SECRETS)
        outcome = Outcome(dsn_map=dsn_map, absent=absent, held_until=held)
        said = "conditions" in store.status and not is_reported(store)
        if said and (status := begun(store, _now())) != store.status:
            await self._write_status(store.key, store.uid, status)
        try:
            now = [(kind, each) for kind, each in wanted if not held or kind not in _ROTATED]
            outcome.failure = await objects.apply(now, self._recorder)
            await objects.delete_unwanted(wanted)
            outcome.applied = outcome.failure is None
            asked = {(KINDS[each["apiVersion"], each["kind"]], each["metadata"]["name"]) for each in rendered}
            self._skippable[store.key] = store.uid, store.generation, objects.skippable(asked)
        except ApiError as refusal:
            if refusal.status not in REFUSED:
                raise
            outcome.failure, outcome.refusal = Finding(Reason.APPLY_REFUSED, refusal.message), refusal
        return outcome

    def _known_skippable(self, store: SessionStore) -> frozenset[tuple[Kind, str]]:
        uid, generation, skippable = self._skippable.get(store.key, ("", 0, frozenset()))
        return skippable if (uid, generation) == (store.uid, store.generation) else frozenset()

    def _remember(self, store: Key, secrets: frozenset[Key]) -> None:
        for secret in self._secrets_of_store.pop(store, frozenset()) - secrets:
            self._stores_of_secret[secret].discard(store)
            if not self._stores_of_secret[secret]:
                del self._stores_of_secret[secret]
        for secret in secrets:
            self._stores_of_secret[secret].add(store)
        if secrets:
            self._secrets_of_store[store] = secrets

    async def _named(self, kind: Kind, store: SessionStore, names: Iterable[str]) -> dict[str, Object | None]:
        """The objects that a store names, by name; None for a missing one."""
        ordered = sorted(names)

        async def read(name: str) -> Object | None:
            found = await self._cluster.get(kind, store.key.namespace, name)
            return trimmed(store, kind.name, name, found) if found else None

        return dict(zip(ordered, await asyncio.gather(*map(read, ordered)), strict=True))

    async def _write_status(self, key: Key, uid: str, status: Object) -> None:
        metadata = {"name": key.name, "namespace": key.namespace, "uid": uid}
        body = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": metadata, "status": status}
        try:
            await self._cluster.apply(STORES, body, subresource="status")
        except ApiError as error:
            if error.status != 404:  # 409 as well: created again under another uid, or a conflict that will pass
                raise


def _now() -> datetime:
    return datetime.now(UTC)


def _settled(status: Mapping[str, Any]) -> bool:
    conditions = {condition["type"]: condition for condition in status["conditions"]}
    waits_for_an_event = conditions["DatabasesResolved"]["status"] == "False"
    well = conditions["Degraded"]["status"] == "False" and conditions["Progressing"]["status"] == "False"
    return bool(waits_for_an_event or well)
