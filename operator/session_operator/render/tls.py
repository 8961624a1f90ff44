"""TLS to databases: mounts certificates from Secrets as files, and adds the libpq parameters that name them.

The kubelet updates the files when a Secret changes, and new connections read them, so no pod needs a restart.
"""

from __future__ import annotations

from collections.abc import Iterator

from session_operator.resource import Database, Object, Reference, SessionStore

VOLUME = "database-tls"
DIRECTORY = "/etc/session-service-tls"  # not below the DSN map: that volume is read-only


def parameters(database: Database) -> dict[str, str]:
    """The libpq parameters for the DSNs of a database."""
    if database.tls is None:
        return {}
    files = {parameter: f"{DIRECTORY}/{database.id}/{file}" for parameter, _, file in _files(database)}
    return {"sslmode": database.tls.mode} | files


def volume(store: SessionStore) -> Object | None:
    """One volume with the files of all databases, one directory for each; None without files.

    Root owns the files and the group of the pod reads them. libpq accepts a private key with mode 0640 at most.
    """
    sources = [
        {
            "secret": {
                "name": reference.name,
                "items": [{"key": reference.key, "path": f"{database.id}/{file}"}],
            }
        }
        for database in store.databases
        for _, reference, file in _files(database)
    ]
    return {"name": VOLUME, "projected": {"defaultMode": 0o440, "sources": sources}} if sources else None


def _files(database: Database) -> Iterator[tuple[str, Reference, str]]:
    """For each file: its libpq parameter, the key of its Secret, and its name."""
    if tls := database.tls:
        if tls.authority:
            yield "sslrootcert", tls.authority, "ca.crt"
        if tls.certificate and tls.private_key:
            yield "sslcert", tls.certificate, "tls.crt"
            yield "sslkey", tls.private_key, "tls.key"
