"""The command `session-operator`: watches, of which each event only puts a key on the queue."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf

from session_operator.cluster import Cluster
from session_operator.health import serving_health
from session_operator.kinds import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INGRESSES,
    NETWORK_POLICIES,
    PODS,
    REPLICA_SETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STORES,
)
from session_operator.leader import Lease, LeaseLost
from session_operator.queue import WorkQueue
from session_operator.reconcile import Reconciler
from session_operator.resource import INSTANCE_LABEL, MANAGED_BY_LABEL, MANAGER, Key
from session_operator.watches import resync, watch_routes, watch_secrets

logger = logging.getLogger(__name__)

WATCHED = (
    SERVICE_ACCOUNTS,
    SERVICES,
    DEPLOYMENTS,
    REPLICA_SETS,
    PODS,
    NETWORK_POLICIES,
    DISRUPTION_BUDGETS,
    AUTOSCALERS,
    INGRESSES,
)
"""What kopf watches beside SessionStores, by label. Not Secrets: it would read what they hold. Not HTTPRoutes: it
would not notice that an API server begins to serve them."""
EPILOG = """\
What it needs: the CustomResourceDefinition of SessionStore, and the rights of manifests/rbac (of a Role in each
namespace with --namespace). It finds the API server by its ServiceAccount, else by $KUBECONFIG or ~/.kube/config.

Examples:
  session-operator run                                  serve all namespaces
  session-operator run --namespace chat --namespace ai  serve these two, with no right outside of them
  kubectl get sessionstores -A                          see what it made of every store
  kubectl explain sessionstore.spec                     what can be written into one
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `session-operator run`. No namespace means all; times are in seconds."""

    namespaces: tuple[str, ...] = ()
    workers: int = 4
    resync: float = 600
    listen: str = "0.0.0.0:8080"
    lease_namespace: str | None = None
    lease_seconds: float = 15


async def operate(cluster: Cluster, queue: WorkQueue[Key], options: Options, stop: asyncio.Event | None = None) -> None:
    """Serve until a signal, or until `stop` is set. Ends with an exception if any part fails."""
    while not await cluster.serves(STORES):
        logger.warning("the API server knows no %s: apply the CustomResourceDefinition", STORES.plural)
        await asyncio.sleep(2)
    reconciler = Reconciler(cluster)
    namespaces = options.namespaces or (None,)
    async with asyncio.TaskGroup() as group:
        # Before kopf starts: at its end it cancels every task that it did not see then
        tasks = [
            *(group.create_task(queue.work(reconciler.reconcile)) for _ in range(options.workers)),
            *(group.create_task(watch_secrets(cluster, namespace, reconciler, queue)) for namespace in namespaces),
            *(group.create_task(watch_routes(cluster, namespace, queue)) for namespace in namespaces),
            *(group.create_task(resync(cluster, namespace, options.resync, queue)) for namespace in namespaces),
        ]
        await kopf.operator(
            registry=_registry(cluster, queue),
            settings=_settings(),
            standalone=True,
            clusterwide=not options.namespaces,
            namespaces=options.namespaces,
            stop_flag=stop,
        )
        for task in tasks:
            task.cancel()


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True  # no right to watch namespaces and CRDs is needed
    settings.execution.max_workers = 1  # no handler is synchronous
    settings.queueing.worker_limit = 50
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # Watches can go silent without an error (kopf#585, kopf#957)
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 310
    settings.watching.connect_timeout = 30
    settings.watching.reconnect_backoff = 1
    for kind in WATCHED:
        settings.watching.label_selectors[kind.api_version, kind.plural] = f"{MANAGED_BY_LABEL}={MANAGER}"
    return settings


def _registry(cluster: Cluster, queue: WorkQueue[Key]) -> kopf.OperatorRegistry:
    """Event handlers only: kopf then writes no annotation and no finalizer."""
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**await cluster.credentials())

    async def store_changed(meta: Mapping[str, Any], **_: Any) -> None:
        queue.add(Key(meta["namespace"], meta["name"]))

    async def owned_changed(meta: Mapping[str, Any], labels: Mapping[str, str], **_: Any) -> None:
        if INSTANCE_LABEL in labels:
            queue.add(Key(meta["namespace"], labels[INSTANCE_LABEL]))

    kopf.on.login(registry=registry)(login)
    kopf.on.event(STORES.api_version, STORES.plural, registry=registry)(store_changed)
    for kind in WATCHED:
        kopf.on.event(kind.api_version, kind.plural, registry=registry)(owned_changed)
    return registry


async def _run(options: Options) -> None:
    queue: WorkQueue[Key] = WorkQueue()
    async with serving_health(options.listen, queue.stalled_for), Cluster.connect() as cluster:
        if options.lease_namespace is None:
            await operate(cluster, queue, options)
            return
        identity = f"{socket.gethostname()}-{os.getpid()}"
        lease = Lease(cluster, options.lease_namespace, identity, options.lease_seconds)
        await lease.acquire()
        try:
            # A connection of its own, so that renewals never wait for other requests
            async with Cluster.connect(lease.check) as fenced, asyncio.TaskGroup() as group:
                holding = group.create_task(lease.hold())
                await operate(fenced, queue, options)
                holding.cancel()
        finally:
            await lease.release()


def _own_namespace() -> str | None:
    """The namespace of the pod that this runs in, if it does."""
    path = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return path.read_text() if path.exists() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="session-operator",
        description="Deploys agno session services from SessionStore resources.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run = parser.add_subparsers(title="commands", metavar="COMMAND", required=True).add_parser(
        "run",
        help="serve SessionStores until stopped",
        description="Serve SessionStores until stopped by SIGTERM or SIGINT.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = Options()
    run.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="N",
        help="serve this namespace only; may be given several times (default: all namespaces)",
    )
    run.add_argument(
        "--workers",
        type=int,
        default=defaults.workers,
        help="stores worked on at the same time (default: %(default)s)",
    )
    run.add_argument(
        "--resync",
        type=float,
        default=defaults.resync,
        metavar="SECONDS",
        help="look at every store this often, besides at every event (default: %(default)s)",
    )
    run.add_argument(
        "--listen",
        default=defaults.listen,
        metavar="HOST:PORT",
        help="where /healthz answers (default: %(default)s)",
    )
    run.add_argument(
        "--lease-namespace",
        default=_own_namespace(),
        metavar="N",
        help="the namespace of the Lease by which one of several replicas leads "
        "(default: that of its pod; outside of a pod there is no Lease, so run one only)",
    )
    run.add_argument(
        "--lease-seconds",
        type=float,
        default=defaults.lease_seconds,
        metavar="SECONDS",
        help="how long after the last sign of life of the leader another takes over (default: %(default)s)",
    )
    run.add_argument(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error"],
        help="how much the operator tells of its own work (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Of its own only: at debug, kopf and the client print whole objects
    logging.getLogger("session_operator").setLevel(given.log_level.upper())
    options = Options(
        namespaces=tuple(given.namespace),
        workers=given.workers,
        resync=given.resync,
        listen=given.listen,
        lease_namespace=given.lease_namespace,
        lease_seconds=given.lease_seconds,
    )
    status = 0
    try:
        asyncio.run(_run(options))
    except* LeaseLost as lost:
        logger.warning("stopping: %s", lost.exceptions[0])
        status = 1
    return status
