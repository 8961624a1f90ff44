"""Resolves the addresses of a DSN outside of the event loop, which libpq would block."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator

from psycopg2.extensions import make_dsn, parse_dsn

_DEFAULT_PORT = "5432"


async def targets(dsn: str) -> list[str]:
    """The DSN for each address in the order to try them. Names are resolved each time: a failover may use DNS.

    The name stays beside its address, because certificates, Kerberos and password files need it. Sockets, and a DSN
    that already has addresses, are left to libpq. Raises OSError if no name can be resolved.
    """
    words = parse_dsn(dsn)
    if "hostaddr" in words or "host" not in words:
        return [dsn]
    hosts = words["host"].split(",")
    ports = words.get("port", "").split(",")
    if len(ports) not in {1, len(hosts)}:
        return [dsn]  # libpq reports what is wrong
    found: list[str] = []
    unknown: OSError | None = None
    for host, port in zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=True):
        try:
            found += [make_dsn(**words | place) for place in await _places(host, port or _DEFAULT_PORT)]
        except OSError as error:
            unknown = error
    if not found and unknown is not None:
        raise unknown
    if words.get("load_balance_hosts") == "random":
        random.shuffle(found)
    return list(_by_preference(found, words.get("target_session_attrs")))


async def _places(host: str, port: str) -> list[dict[str, str]]:
    if not host or host.startswith(("/", "@")):
        return [{"host": host, "port": port}]
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(info[4][0]) for info in infos)
    return [{"host": host, "port": port, "hostaddr": address} for address in addresses]


def _by_preference(found: list[str], wanted: str | None) -> Iterator[str]:
    """As in libpq, all addresses are tried for a standby before any other server is accepted."""
    if wanted == "prefer-standby":
        yield from (make_dsn(each, target_session_attrs="standby") for each in found)
        yield from (make_dsn(each, target_session_attrs="any") for each in found)
    else:
        yield from found
