"""TLS to databases: certificates of Secrets as files in the pods, and the parameters of libpq that name them.

The kubelet renews the files when a Secret changes, and new connections read them: no pod needs to be restarted.
"""

from __future__ import annotations

from collections.abc import Iterator

from session_operator.resource import Database, Object, Reference, SessionStore

VOLUME = "database-tls"
DIRECTORY = "/etc/session-service-tls"  # not below the DSN map: that volume is read-only


def parameters(database: Database) -> dict[str, str]:
    """The parameters that the DSNs of a database get."""
    if database.tls is None:
        return {}
    files = {parameter: f"{DIRECTORY}/{database.id}/{file}" for parameter, _, file in _files(database)}
    return {"sslmode": database.tls.mode} | files


def volume(store: SessionStore) -> Object | None:
    """One volume with the files of all databases, a directory for each; None where there is no file.

    Root owns the files and the group of the pod reads them, as libpq wants it of a private key: 0640 at the most.
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
    """The parameter, the key of a Secret, and the name of each file."""
    if tls := database.tls:
        if tls.authority:
            yield "sslrootcert", tls.authority, "ca.crt"
        if tls.certificate and tls.private_key:
            yield "sslcert", tls.certificate, "tls.crt"
            yield "sslkey", tls.private_key, "tls.key"
