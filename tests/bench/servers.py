"""The servers that are compared: each answers from the same database, on a port of 127.0.0.1."""

import json
import subprocess
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.contract.servers import AGENTOS_PYTHON, SERVICE, environment, free_port

_AGENTOS = Path(__file__).parents[1] / "contract/agentos_server.py"


@dataclass(frozen=True)
class Server:
    """A server that takes requests. `pid` is None where its process is not known: no CPU and memory are told then.

    `seconds` is the time from its start to its first answer, None where it was running already.
    """

    name: str
    url: str
    pid: int | None
    seconds: float | None = None

    def get(self, path: str) -> bytes:
        """The body of an answer; raises on any status but 200."""
        with urlopen(self.url + path, timeout=60) as response:
            return response.read()


def _wait(url: str, process: subprocess.Popen[bytes] | None, log: Path | None) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        try:
            urlopen(Request(f"{url}/sessions?limit=1"), timeout=30).read()
        except (URLError, OSError):
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"{url} does not answer:\n{log.read_text()[-3000:] if log else ''}")


@contextmanager
def _started(
    name: str, command: list[str], settings: Mapping[str, str], port: int, log: Path, plan: str = ""
) -> Iterator[Server]:
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment(dict(settings))
        )
    try:
        process.stdin.write(plan.encode())
        process.stdin.close()
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield Server(name, url, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def agentos(adapter: str, dsn: str, logs: Path) -> Iterator[Server]:
    """AgentOS from PyPI with its sync or its async adapter, one worker process."""
    port = free_port()
    plan = json.dumps([{"mode": "open", "dsn": dsn, "port": port, "adapter": adapter}])
    name = f"AgentOS {adapter}"
    command = [str(AGENTOS_PYTHON), str(_AGENTOS), "--uvloop"]
    with _started(name, command, {}, port, logs / f"agentos-{adapter}.log", plan) as server:
        yield server


@contextmanager
def service(dsn: str, logs: Path, *options: str, **variables: str) -> Iterator[Server]:
    """The service as it is installed, with its defaults but for these options of `serve` and these variables."""
    port = free_port()
    settings = {
        "AGNO_SESSION_DSN_MAP": json.dumps({"main": dsn}),
        "AGNO_SERVICE_PORT": str(port),
        "AGNO_ADMIN_PORT": "off",
        "AGNO_DRAIN_SECONDS": "0",
        **variables,
    }
    name = " ".join(["session-service", *options])
    with _started(name, [str(SERVICE), "serve", *options], settings, port, logs / f"{name}.log") as server:
        yield server


@contextmanager
def listed(file: Path, dsn: str, logs: Path) -> Iterator[list[Server]]:
    """The servers of a TOML file: `[[server]]` with `name`, and either `url` (and `pid`) or `command`.

    In a command, `{dsn}` and `{port}` stand for the benchmark's; a server at a `url` must serve that database.
    """
    with ExitStack() as stack:
        servers = []
        for entry in tomllib.loads(file.read_text()).get("server", []):
            if "url" in entry:
                print(f"Waiting for {entry['url']}, which must serve the database {dsn}", flush=True)
                _wait(entry["url"], None, None)
                servers.append(Server(entry["name"], entry["url"], entry.get("pid")))
            else:
                port = free_port()
                command = [word.format(dsn=dsn, port=port) for word in entry["command"]]
                variables = {k: v.format(dsn=dsn, port=port) for k, v in entry.get("environment", {}).items()}
                log = logs / f"{entry['name']}.log"
                servers.append(stack.enter_context(_started(entry["name"], command, variables, port, log)))
        yield servers
