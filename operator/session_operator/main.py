"""The command `session-operator`."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from session_operator.controller import Controller, Options
from session_operator.leader import LeaseLost

logger = logging.getLogger(__name__)

EPILOG = """\
What it needs: the CustomResourceDefinition of SessionStore, and the rights of manifests/rbac (of a Role in each
namespace with --namespace). It finds the API server by its ServiceAccount, else by $KUBECONFIG or ~/.kube/config.

Examples:
  session-operator run                                  serve all namespaces
  session-operator run --namespace chat --namespace ai  serve these two, with no right outside of them
  kubectl get sessionstores -A                          see what it made of every store
  kubectl explain sessionstore.spec                     what can be written into one
"""


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
        help="where /healthz and /metrics answer (default: %(default)s)",
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
        asyncio.run(Controller(options).run())
    except* LeaseLost as lost:
        logger.warning("stopping: %s", lost.exceptions[0])
        status = 1
    return status
