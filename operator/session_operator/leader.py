"""Leader election: the replica that holds the Lease leads, as long as it renews it (docs/adr)."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

import aiohttp

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.kinds import LEASES
from session_operator.resource import MANAGER, Object

logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The Lease was not renewed in time, or somebody else holds it: another replica may lead now."""


class Lease:
    """A coordination.k8s.io Lease. It trusts no clock of another machine: it measures how long the Lease is unchanged.

    The holder renews it every seventh of `seconds`. Without success it gives up after two thirds of `seconds`, before
    others may take the Lease after `seconds`.
    """

    def __init__(self, cluster: Cluster, namespace: str, identity: str, seconds: float) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._identity = identity
        self._seconds = seconds
        self._pause = seconds / 7
        self._valid_until = 0.0
        self._seen: tuple[str, float] = ("", 0.0)

    def check(self) -> None:
        """Fence: raise LeaseLost unless this replica certainly holds the Lease."""
        if not self._held():
            raise LeaseLost("the Lease is not held")

    async def acquire(self) -> None:
        """Wait until the Lease is free, and take it."""
        logger.info("%s: waiting to lead", self._identity)
        while not await self._try():  # noqa: ASYNC110 - no event of this loop tells
            await asyncio.sleep(self._pause)
        logger.info("%s: leading", self._identity)

    async def hold(self) -> None:
        """Renew the Lease for ever. Raises LeaseLost when this replica may no longer hold it."""
        while True:
            await asyncio.sleep(self._pause)
            await self._try()
            self.check()

    async def release(self) -> None:
        """Release the Lease, so that another replica leads at once. If that fails, it leads when the Lease expires."""
        if not self._held():
            return
        self._valid_until = 0.0
        try:
            lease = await self._cluster.get(LEASES, self._namespace, MANAGER, whole=True)
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": None, "renewTime": _micro_time()}
                await self._cluster.replace(LEASES, lease)
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("lease: %s: %s", type(error).__name__, error)

    def _held(self) -> bool:
        return time.monotonic() < self._valid_until

    async def _try(self) -> bool:
        """Take or renew the Lease. False if another replica holds it, or if the API server did not answer."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds / 3):
                lease = await self._cluster.get(LEASES, self._namespace, MANAGER, whole=True)
                if lease is None:
                    await self._cluster.create(LEASES, self._claim(None))
                elif self._free(lease):
                    await self._cluster.replace(LEASES, self._claim(lease))
                else:
                    return False
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            if not isinstance(error, ApiError) or error.status != 409:  # 409: another replica was faster
                logger.warning("lease: %s: %s", type(error).__name__, error)
            return False
        self._valid_until = begun + self._seconds * 2 / 3
        return True

    def _free(self, lease: Object) -> bool:
        holder = lease["spec"].get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        version, since = self._seen
        if lease["metadata"]["resourceVersion"] != version:
            self._seen = (lease["metadata"]["resourceVersion"], time.monotonic())
            return False
        return bool(time.monotonic() - since > lease["spec"]["leaseDurationSeconds"])

    def _claim(self, lease: Object | None) -> Object:
        now = _micro_time()
        before = lease["spec"] if lease else {}
        ours = before.get("holderIdentity") == self._identity
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "acquireTime": before["acquireTime"] if ours else now,
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + (0 if ours or lease is None else 1),
        }
        metadata = lease["metadata"] if lease else {"name": MANAGER, "namespace": self._namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.name, "metadata": metadata, "spec": spec}


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
