"""The releases of agno that write sessions in the tests, each in an environment of its own in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from tests.contract.servers import AGENTOS_PYTHON, ROOT, environment
from tests.postgresql.programs import CACHE as POSTGRESQL

CACHE = POSTGRESQL.with_name("agno")
AGNO_SIDE = Path(__file__).with_name("agno_side")
NEWEST = "3.1.10"
SAME_TABLES = "3.0.11"  # the older one that has the tables of the newest
RELEASES = ("2.0.11", "2.3.26", "2.9.0", SAME_TABLES, NEWEST)


def wanted() -> tuple[str, ...]:
    """The releases to test with: those of WRITER_VERSIONS, by comma; else the newest two."""
    named = os.environ.get("WRITER_VERSIONS")
    releases = tuple(named.split(",")) if named else RELEASES[-2:]
    if unknown := set(releases) - set(RELEASES):
        raise ValueError(f"WRITER_VERSIONS names {unknown}; there are {RELEASES}")
    return releases


@cache
def python(release: str) -> Path:
    """The interpreter that has this release of agno, installed if need be; whoever comes second waits for the first."""
    if release == NEWEST:
        return AGENTOS_PYTHON
    requirements = ROOT / f"requirements/agno-{release}.txt"
    pinned = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = CACHE / f"{release}-{pinned}"
    uv = Path(sys.executable).with_name("uv")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "installed").exists():
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, place)
            sync = (uv, "pip", "sync", "--quiet", "--require-hashes", "--python", place / "bin/python")
            _run(*sync, requirements)
            (place / "installed").touch()
    return place / "bin/python"


def ask(release: str, **order: Any) -> Any:
    """What agno_side answers to an order, under this release."""
    command = (python(release), "-W", "ignore", AGNO_SIDE)
    return json.loads(_run(*command, input=json.dumps(order), env=environment({})).splitlines()[-1])


def _run(*command: str | Path, **words: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **words)
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stderr[-4000:]}")
    return done.stdout
