"""The clients that people use, unchanged: agno's AgentOSClient, and agent-ui through a proxy."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .comparison import differences
from .deliberate import Expectations
from .exchange import Request
from .servers import AGENTOS_PYTHON, Server, Servers, environment, free_port, wait_for
from .sidebyside import Mark, departures, observe
from .tally import Tally, route

HERE = Path(__file__).parent
AGENT_UI = json.loads((HERE / "data/agent_ui.json").read_text())
REFUSED = {"nobody's", "no such run", "create again", "rename nothing", "deleted"}
# what a reader copies from docs/how-to/one-url-with-agentos.md, and what an nginx of nobody's system needs around it
PAGE = HERE.parents[1] / "docs/how-to/nginx.conf"
AROUND = "daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {}"
PATHS = "access_log off;\n" + "".join(
    f"{kind}_temp_path {kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
ORIGIN = {"Origin": "http://localhost:3000", "Content-Type": "application/json"}


def walk(server: Server) -> dict[str, Any]:
    """What AgentOSClient understood of this server's answers, by step."""
    server.fresh().database.touched = True
    mark = Mark(int(time.time()), "")
    done = subprocess.run(
        [AGENTOS_PYTHON, HERE / "client_walk.py", f"http://127.0.0.1:{server.port}"],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(mark(json.loads(line)) for line in done.stdout.splitlines())


def test_agentos_client_understands_the_service_as_it_does_agentos(agentos: Servers, service: Servers) -> None:
    expected, understood = walk(agentos["v3", "open"]), walk(service["v3", "open"])
    assert {name for name, value in expected.items() if isinstance(value, dict) and "error" in value} == REFUSED
    assert not list(differences(expected, understood))


@pytest.fixture(scope="module")
def proxied(agentos: Servers, service: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """nginx, as the how-to configures it, before the service and AgentOS; and the database behind the service."""
    nginx = subprocess.run(
        [HERE.parent / "debian.sh", "nginx", "usr/sbin/nginx"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    directory = tmp_path_factory.mktemp("nginx")
    server = Server(free_port(), service["v3", "open"].database)
    addresses = {
        "listen 80": f"listen 127.0.0.1:{server.port}",
        "sessions:8080": f"127.0.0.1:{service['v3', 'open'].port}",
        "agentos:7777": f"127.0.0.1:{agentos['v3', 'open'].port}",
    }
    configuration = PAGE.read_text()
    for shown, here in addresses.items():
        assert shown in configuration
        configuration = configuration.replace(shown, here)
    (directory / "nginx.conf").write_text(f"{AROUND}\nhttp {{\n{PATHS}\n{configuration}}}\n")
    log = directory / "nginx.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [nginx, "-p", f"{directory}/", "-c", "nginx.conf", "-e", "stderr"], stdout=output, stderr=output
        )
    try:
        wait_for(server.port, process, log)
        yield server
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("step", AGENT_UI, ids=[step["name"] for step in AGENT_UI])
def test_agent_ui_sees_no_difference_behind_the_proxy(
    step: dict[str, Any], expectations: Expectations, proxied: Server, tally: Tally
) -> None:
    request = Request(**step["request"])
    request = replace(request, headers=ORIGIN | request.headers)
    expected = expectations.of(("v3", "open"), request)
    got = observe(proxied, request)
    got.headers.pop("connection", None)  # nginx's own
    found = departures(expected.outcome, got)
    tally.note("agent-ui", route(request), same=not found)
    assert not found, "\n".join(found)
