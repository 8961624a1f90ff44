"""`session-service`: serve, check, migrate, indexes, compare, openapi."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from session_service import __version__
from session_service.compare import Comparison, Unanswered
from session_service.database.errors import DatabaseError
from session_service.demo import load_demo
from session_service.embedded import EmbeddedError, embedded_postgres
from session_service.http.openapi import document
from session_service.observability import logs
from session_service.serving import serve
from session_service.settings import Settings
from session_service.store.session_store import SessionStore
from session_service.store.store_map import LiveStores, StoreMap
from session_service.variables import DSN_VARIABLES, VARIABLES, BadSetting
from session_service.workers import reserved, run_workers

_EPILOG = f"""\
Databases come from the first of these variables that is set:
  {DSN_VARIABLES[0]}       a JSON object of id to DSN
  {DSN_VARIABLES[1]}  a file with the same
  {DSN_VARIABLES[2]}                the DSN of one database
  {DSN_VARIABLES[3]}           a file with the same
  {DSN_VARIABLES[4]}               the same as {DSN_VARIABLES[2]}
All variables: session-service serve --help

Try it without any database of your own:
  session-service serve --embedded --demo
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 1 for a check that failed, 2 for settings that can't be used."""
    options = _parser().parse_args(arguments)
    if options.command in (_openapi, _compare):  # they need no settings
        return int(options.command(options))
    logs.configure()
    try:
        with contextlib.ExitStack() as stack:
            environment = dict(os.environ)
            if getattr(options, "embedded", False):
                dsn = stack.enter_context(embedded_postgres(options.data.resolve() / "postgres"))
                environment = {key: value for key, value in environment.items() if key not in DSN_VARIABLES}
                environment["AGNO_PG_DSN"] = dsn
            command: Callable[[argparse.Namespace, Settings], Coroutine[None, None, int]] = options.command
            settings = Settings.load(environment)
            logs.configure(settings.log_format, settings.log_level)
            if getattr(options, "workers", 1) > 1:
                return _serve_together(options, settings)
            return _run(options, command(options, settings))
    except BrokenPipeError:
        raise
    except (BadSetting, EmbeddedError, ValueError, OSError) as error:
        print(f"session-service: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="session-service",
        description="AgentOS' session API, served out of Postgres databases that agno writes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser(
        "serve",
        help="serve sessions over HTTP until SIGTERM or Ctrl-C",
        epilog=_variables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serving.add_argument("--embedded", action="store_true", help="bring a PostgreSQL along, for trying things out")
    serving.add_argument("--data", type=Path, default=Path(".data"), help="where it keeps its data (.data)")
    serving.add_argument("--demo", action="store_true", help="load demo sessions if the default database has none")
    serving.add_argument(
        "--workers", type=_number, default=1, metavar="N", help="processes that share the port, for many cores (1)"
    )
    serving.add_argument(
        "--loop", choices=("asyncio", "uvloop"), default="asyncio", help="the event loop; uvloop is an extra (asyncio)"
    )
    serving.set_defaults(command=_serve)
    checking = commands.add_parser("check", help="try each database and print a row each; exit 1 if any fails")
    checking.set_defaults(command=_check)
    migrating = commands.add_parser("migrate", help="create agno's missing tables; what exists is never altered")
    migrating.add_argument("--dry-run", action="store_true", help="print the SQL instead of running it")
    migrating.set_defaults(command=_migrate)
    indexing = commands.add_parser(
        "indexes",
        help="print the indexes that large tables lack",
        description="Prints CREATE INDEX statements with which a page of sessions costs the same on a large table: "
        "agno makes no index for owners and components. What stands in for one counts as there.",
    )
    indexing.add_argument(
        "--apply", action="store_true", help="create them, one after the other, while others read and write"
    )
    indexing.set_defaults(command=_indexes)
    describing = commands.add_parser("openapi", help="print the description of the API (OpenAPI 3.1)")
    describing.set_defaults(command=_openapi)
    comparing = commands.add_parser(
        "compare",
        help="ask two servers the same questions and print where their answers differ; exit 1 if any does",
        description="Reads lists, and the newest sessions with their runs, from both servers. Rows with equal sort "
        "keys are compared by id, whatever their order. It writes nothing.",
    )
    for side, what in (("reference", "that is trusted"), ("candidate", "to compare with it")):
        comparing.add_argument(f"--{side}", required=True, metavar="URL", help=f"the server {what}")
    comparing.add_argument("--sessions", type=_number, default=100, metavar="N", help="how many, from the newest (100)")
    comparing.add_argument("--query", default="", help="added to every request, such as db_id=archive")
    comparing.add_argument(
        "--header", type=_header, action="append", default=[], help="of every request, as 'Name: value'; repeatable"
    )
    comparing.set_defaults(command=_compare)
    return parser


def _variables() -> str:
    lines = ["variables of the environment; what stands without one is in brackets:"]
    for variable in VARIABLES:
        words = f"{variable.meaning} [{_shown(variable.default)}]".replace("`", "")
        lines += [f"  {variable.name}", textwrap.fill(words, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)]
    return "\n".join(lines)


def _shown(default: object) -> str:
    match default:
        case None | ():
            return "none"
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case tuple():
            return ", ".join(default)
    return str(default)


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[list[tuple[str, SessionStore]]]:
    stores = StoreMap.open(settings.databases)
    try:
        yield [(id, store) for id, each in stores.by_id.items() for store in each]
    finally:
        await LiveStores(stores).close()


def _run(options: argparse.Namespace, work: Coroutine[None, None, int]) -> int:
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
    if getattr(options, "loop", "asyncio") == "uvloop":
        try:
            import uvloop
        except ImportError:
            work.close()
            raise BadSetting("uvloop is not installed: pip install 'agno-session-store[service,uvloop]'") from None
        new_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("must be 'Name: value'")
    return name.strip(), value.strip()


def _openapi(_: argparse.Namespace) -> int:
    print(json.dumps(document(__version__), indent=2))
    return 0


def _compare(options: argparse.Namespace) -> int:
    comparison = Comparison(options.reference, options.candidate, options.sessions, options.query, dict(options.header))

    async def printed() -> None:
        async for line in comparison.lines():
            print(line, flush=True)

    try:
        asyncio.run(printed())
    except Unanswered as error:
        print(f"session-service: {error}", file=sys.stderr)
        return 2
    return int(comparison.different > 0)


def _serve_together(options: argparse.Namespace, settings: Settings) -> int:
    with reserved(settings.host, settings.port) as port:

        def work(index: int) -> int:
            # each has metrics of its own, on a port of its own
            admin = settings.admin_port + index if settings.admin_port else settings.admin_port
            return _run(options, _serve(options, replace(settings, port=port, admin_port=admin), worker=index))

        return run_workers(options.workers, work)


async def _serve(options: argparse.Namespace, settings: Settings, *, worker: int | None = None) -> int:
    if options.demo and not worker:
        async with _stores(settings) as stores:
            store = next(store for id, store in stores if id == settings.databases.default)
            await load_demo(store)

    def started(port: int, admin_port: int | None) -> None:
        if not worker:
            _tell(settings.host, port, admin_port, demo=options.demo)

    await serve(settings, started, shared=worker is not None)
    return 0


def _tell(host: str, port: int, admin_port: int | None, *, demo: bool) -> None:
    """Say where it serves: what to try with demo sessions, a line on a terminal, an event in the log elsewhere."""
    base = f"http://{f'[{host}]' if ':' in host else host}"
    url, metrics = f"{base}:{port}", None if admin_port is None else f"{base}:{admin_port}/metrics"
    if demo:
        print("\n".join(_welcome(url, metrics)), flush=True)
    elif sys.stdout.isatty():
        print(f"Open {url} (Ctrl-C stops{'' if metrics is None else f'; metrics: {metrics}'})", flush=True)
    else:
        logs.logger("session_service").info("serving", url=url, metrics=metrics)


def _welcome(url: str, metrics: str | None) -> list[str]:
    rename = f"{url}/sessions/demo-trip/rename -H 'Content-Type: application/json'"
    return [
        f"Open {url} (Ctrl-C stops), or try:",
        "",
        f"  curl '{url}/sessions?limit=5'",
        f"  curl {url}/sessions/demo-trip",
        f"  curl {url}/sessions/demo-refund/runs",
        f'  curl -X POST {rename} -d \'{{"session_name": "Lisbon"}}\'',
        f"  curl {url}/healthz/ready",
        *([] if metrics is None else [f"  curl {metrics}"]),
        "",
    ]


async def _check(_: argparse.Namespace, settings: Settings) -> int:
    failed = False
    async with _stores(settings) as stores:
        print(f"{'DATABASE':<24} {'SCHEMA':<16} {'TABLE':<24} {'STATE':<12} LAYOUT OR REASON")
        replicas = [(f"{id} (replica)", store.on_replica) for id, store in stores if store.on_replica is not None]
        for id, store in stores + replicas:
            try:
                layout = await store.layout(fresh=True)
                elsewhere = [] if layout.sessions_table else await store.schemas_with_sessions()
                hint = f" (there is a table of that name in: {', '.join(elsewhere)})" if elsewhere else ""
                found = f"{'ok':<12} {layout.name}{hint}"
            except DatabaseError as error:
                failed, found = True, f"{'failed':<12} {error.reason}: {error}{_place(store)}"
            print(f"{id:<24} {store.source.schema:<16} {store.table:<24} {found}", flush=True)
    return 1 if failed else 0


def _place(store: SessionStore) -> str:
    """Where a database was looked for. The log and the probes never tell that."""
    dsn = store.source.dsn
    return "" if dsn.problem else f" ({dsn.place})"


async def _migrate(options: argparse.Namespace, settings: Settings) -> int:
    failed = False
    async with _stores(settings) as stores:
        for id, store in stores:
            try:
                statements = await store.missing_tables()
                if not options.dry_run:
                    await store.create_tables()
            except DatabaseError as error:
                print(f"-- {id}: failed: {error.reason}: {error}", flush=True)
                failed = True
                continue
            if options.dry_run:
                script = ["BEGIN", *statements, "COMMIT"] if statements else []
                print(f"-- {id}: {len(statements)} statements would run", *(f"{sql};" for sql in script), sep="\n")
            else:
                print(f"{id}: {'created what was missing' if statements else 'nothing is missing'}", flush=True)
    return 1 if failed else 0


async def _indexes(options: argparse.Namespace, settings: Settings) -> int:
    failed = False
    # building one takes as long as it takes
    patient = {
        id: tuple(replace(s, statement_timeout=0) for s in each) for id, each in settings.databases.sources.items()
    }
    async with _stores(replace(settings, databases=replace(settings.databases, sources=patient))) as stores:
        for id, store in stores:
            try:
                missing = await store.missing_indexes()
                print(f"-- {id}, {store.table}: {len(missing)} indexes are missing", flush=True)
                for index, statements in missing:
                    for sql in statements:
                        print(f"{sql.replace('%%', '%')}; -- {index.serves}", flush=True)
                        if options.apply:
                            await store.database.write(sql.replace("%%", "%"))
            except DatabaseError as error:
                print(f"-- {id}: failed: {error.reason}: {error}", flush=True)
                failed = True
    return 1 if failed else 0
