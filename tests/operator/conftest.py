"""The API server, a namespace of its own for each test, and the operator at work in it."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from session_operator.cluster import Cluster
from session_operator.controller import Controller, Options

from . import gateway_api, prometheus_operator
from .api import Api
from .apiserver import OPERATOR, ROOT, ApiServer, api_server, programs
from .process import Process

_numbers = itertools.count()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the time limits of tests count."""
    if any("server" in getattr(item, "fixturenames", ()) for item in session.items):
        programs("etcd", "kube-apiserver")
    if any("controlled" in getattr(item, "fixturenames", ()) for item in session.items):
        programs("kube-controller-manager")
    modules = [item.module for item in session.items if isinstance(item, pytest.Function)]
    for definitions in (gateway_api, prometheus_operator):
        if any(getattr(module, definitions.__name__.rpartition(".")[2], None) is definitions for module in modules):
            definitions.download()


async def all_closed() -> None:
    """Wait until no socket of this loop is open: TLS closes when the other side has answered."""
    loop: Any = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        while len(loop._selector.get_map()) > 1:  # noqa: ASYNC110 - one is the loop's own
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
async def _closed() -> AsyncIterator[None]:
    """No test leaves a socket to be found open in another one."""
    yield
    await all_closed()


@pytest.fixture(scope="session")
def server() -> Iterator[ApiServer]:
    """The API server of most tests."""
    with prepared_server() as running:
        yield running


@contextmanager
def prepared_server(manifests: str = "") -> Iterator[ApiServer]:
    """A real API server with the project's manifests applied, or those of one folder of them."""
    with api_server() as running:
        applied = running.kubectl("apply", "-k", str(ROOT / "manifests" / manifests))
        assert applied.returncode == 0, applied.stderr
        running.served("sessionstores.sessionstore.dev")
        yield running


@pytest.fixture
def namespace(server: ApiServer) -> str:
    name = f"test-{next(_numbers)}"
    created = server.kubectl("create", "namespace", name)
    assert created.returncode == 0, created.stderr
    return name


@pytest.fixture
async def api(server: ApiServer, namespace: str) -> AsyncIterator[Api]:
    async with Api.connect(server, namespace) as connected:
        yield connected


@contextmanager
def operator_in(
    server: ApiServer, *namespaces: str, resync: float = 600, kubeconfig: Path | None = None
) -> Iterator[Controller]:
    """The operator in this process, with the rights of manifests/rbac unless told otherwise, in a loop of its own."""
    stop, failures = threading.Event(), []
    controller = Controller(Options(namespaces=namespaces, resync=resync))

    async def run() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().run_in_executor(None, stop.wait).add_done_callback(lambda _: stopping.set())
        async with Cluster.connect() as cluster:
            await controller.operate(cluster, stopping)
        await all_closed()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as failure:
            failures.append(failure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(kubeconfig or server.kubeconfig(OPERATOR)))
        thread = threading.Thread(target=work, name="operator")
        thread.start()
        try:
            yield controller
        finally:
            stop.set()
            thread.join(timeout=50)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


@pytest.fixture
def operator(server: ApiServer, namespace: str) -> Iterator[None]:
    """The operator at work in the namespace; no right that it needed was missing."""
    with operator_in(server, namespace):
        yield
    assert not [event for event in server.audit(namespace) if event["responseStatus"]["code"] in (401, 403)]


@pytest.fixture
def start(server: ApiServer, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts operators by a user's name and options, and ends them with the test."""
    started: list[Process] = []

    def run(user: str, *arguments: str, through: str = "") -> Process:
        started.append(Process(server, user, tmp_path / f"operator-{len(started)}.log", *arguments, through=through))
        return started[-1]

    yield run
    for process in started:
        process.kill()
