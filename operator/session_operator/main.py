"""The command `session-operator`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import yaml

from session_operator import __version__, manifest, plan, tree
from session_operator.cluster import Cluster
from session_operator.controller import Controller, Options
from session_operator.errors import ApiError
from session_operator.kinds import NotASegment, Segment
from session_operator.kubeconfig import NotConfigured, current_namespace, own_namespace
from session_operator.leader import LeaseLost
from session_operator.printable import PrintableFormatter, printable
from session_operator.resource import Key

logger = logging.getLogger(__name__)

EPILOG = """\
Examples:
  session-operator run                      serve SessionStores, as manifests/operator does
  session-operator plan -f store.yaml       what applying it would do, and whether pods would restart
  session-operator status chat -n agents    a store with its databases, pods and last events
  session-operator COMMAND --help           options, examples and exit codes of a command
"""
RUN = """\
What it needs: the CustomResourceDefinition of SessionStore, and the rights of manifests/rbac (of a Role in each
namespace with --namespace). It finds the API server by its ServiceAccount, else by $KUBECONFIG or ~/.kube/config.

Examples:
  session-operator run                                  serve all namespaces
  session-operator run --namespace chat --namespace ai  serve these two, with no right outside of them
  kubectl get sessionstores -A                          see what it made of every store
  kubectl explain sessionstore.spec                     what can be written into one
"""
PLAN = """\
It changes nothing, and prints neither DSNs nor what Secrets hold. The cluster of $KUBECONFIG or ~/.kube/config is asked
by dry runs with your own rights: to patch what would be changed and to get the Secrets that the store names. --offline
asks nobody: it refuses what an API server with the definition of this version refuses, and plans a new store.

Examples:
  session-operator plan -f store.yaml                       against the cluster
  session-operator plan -f store.yaml --fail-on-restart     for a pipeline that must not restart pods by the way
  kubectl kustomize . | session-operator plan -f - --offline

Exit codes: 0 the plan is made; 1 it can't be carried out, for the store is refused or a Secret is missing;
2 no plan, for the file can't be read or the cluster can't be asked; 3 pods would restart, with --fail-on-restart.
"""
STATUS = """\
Examples:
  session-operator status chat             in the namespace of the current context
  session-operator status chat -n agents

Exit codes: 0 the store is ready and nothing is wrong; 1 it is not; 2 there is no such store, or the cluster can't be
asked.
"""


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="session-operator",
        description="Deploys agno session services from SessionStore resources.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    run = commands.add_parser(
        "run",
        help="serve SessionStores until stopped",
        description="Serve SessionStores until stopped by SIGTERM or SIGINT.",
        epilog=RUN,
        formatter_class=raw,
    )
    _add_run_options(run)
    planned = commands.add_parser(
        "plan",
        help="print what applying SessionStores would do",
        description="Print what would become of the SessionStores of a file, and whether pods would restart.",
        epilog=PLAN,
        formatter_class=raw,
    )
    planned.add_argument("-f", "--file", required=True, metavar="FILE", help="YAML with SessionStores; - for stdin")
    planned.add_argument("--offline", action="store_true", help="ask no cluster")
    planned.add_argument("--fail-on-restart", action="store_true", help="exit with 3 if pods would restart")
    status = commands.add_parser(
        "status",
        help="print a store, its databases, pods and last events",
        description="Print the tree of a SessionStore.",
        epilog=STATUS,
        formatter_class=raw,
    )
    status.add_argument("name", type=_name, metavar="NAME", help="the name of the SessionStore")
    for command in (planned, status):
        command.add_argument(
            "-n", "--namespace", type=_name, metavar="N", help="the namespace (default: that of the current context)"
        )
    return parser


def _add_run_options(run: argparse.ArgumentParser) -> None:
    defaults = Options()
    run.add_argument(
        "--namespace",
        type=_name,
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
        type=_name,
        default=own_namespace(),
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


def _name(text: str) -> str:
    try:
        return Segment(text)
    except NotASegment as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status."""
    given = _parser().parse_args(arguments)
    if given.command == "run":
        return _run(given)
    try:
        if given.command == "plan":
            content = sys.stdin.buffer.read() if given.file == "-" else Path(given.file).read_bytes()
            text = content.decode()
            return asyncio.run(_plan(given, text))
        return asyncio.run(_status(given))
    except manifest.Refused as refused:
        _complain(f"refused: {refused}")
        return 1
    except BrokenPipeError:
        raise
    except UnicodeDecodeError:
        _complain(f"{given.file} is no UTF-8 text")
        return 2
    except (OSError, yaml.YAMLError, NotConfigured, NotASegment, ApiError, aiohttp.ClientError, TimeoutError) as error:
        _complain(f"{type(error).__name__}: {error}")
        return 2


def _complain(message: str) -> None:
    print("session-operator:", "\n".join(map(printable, message.split("\n"))), file=sys.stderr)


def _run(given: argparse.Namespace) -> int:
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # Only the operator's own loggers: at debug, kopf and the client print whole objects
    logging.getLogger("session_operator").setLevel(given.log_level.upper())
    logging.getLogger("kubernetes.aio.config").setLevel(logging.ERROR)  # it also raises what it warns about
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
        # Imports stay, and the thousands of objects of a pass are freed by reference counting
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        asyncio.run(Controller(options).run())
    except* LeaseLost as lost:
        logger.warning("stopping: %s", lost.exceptions[0])
        status = 1
    except* (NotConfigured, aiohttp.ClientConnectionError, TimeoutError) as away:
        _complain(f"there is no cluster that can be asked: {_first(away)}")
        status = 2
    return status


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


async def _plan(given: argparse.Namespace, text: str) -> int:
    namespace = given.namespace or (None if given.offline else current_namespace())
    stores = manifest.stores_in(text, namespace)
    if given.offline:
        plans = [plan.offline(store) for store in stores]
    else:
        async with Cluster.connect() as cluster:
            plans = [await plan.against(cluster, store) for store in stores]
    print("\n\n".join(map(plan.text, plans)))
    if any(each.blocked for each in plans):
        return 1
    return 3 if given.fail_on_restart and any(each.restarts for each in plans) else 0


async def _status(given: argparse.Namespace) -> int:
    key = Key(given.namespace or current_namespace(), given.name)
    async with Cluster.connect() as cluster:
        view = await tree.look(cluster, key)
    if view is None:
        _complain(f"there is no SessionStore {key}")
        return 2
    print(tree.text(view, datetime.now(UTC)))
    return 0 if view.well else 1
