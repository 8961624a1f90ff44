"""The load generator: wrk, with its one thread, sending the requests of a file in order."""

import json
import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Request:
    """`path` with its query; `body` is JSON text, empty for none."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True)
class Load:
    """What wrk saw in one window: times in seconds, `failed` answers of 400 and above, `broken` connections."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    broken: int
    bytes: int
    cpu: float


class Wrk:
    """wrk from the path, or Debian's package unpacked into the user's cache."""

    def __init__(self) -> None:
        self._program = subprocess.run([_HERE / "wrk.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    @contextmanager
    def script(self, requests: Sequence[Request]):
        """The file of these requests, gone afterwards."""
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
            file.writelines(f"{request.method}\t{request.path}\t{request.body}\n" for request in requests)
            file.flush()
            yield file.name

    def run(self, url: str, script: str, connections: int, seconds: float) -> Load:
        """Send for so many seconds over so many connections."""
        before = _cpu_of_children()
        finished = subprocess.run(
            [
                *(self._program, "--threads", "1", "--connections", str(connections), "--timeout", "60"),
                *("--duration", f"{seconds:g}s", "--script", str(_HERE / "wrk.lua"), url, "--", script),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"LC_ALL": "C"},
        )
        found = re.search(r"RESULT (.*)", finished.stdout)
        if finished.returncode or not found:
            raise RuntimeError(f"wrk failed: {finished.stdout}")
        return Load(**json.loads(found[1]), cpu=_cpu_of_children() - before)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
