"""The address of the client: the peer's, or the one that a trusted proxy reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(words: Sequence[str]) -> Networks:
    """Parse addresses and CIDRs to networks. Raises ValueError."""
    return tuple(ip_network(word, strict=False) for word in words)


def client_address(peer: str | None, forwarded_for: Sequence[str], trusted: Networks) -> str | None:
    """The last address that is not a trusted proxy.

    `forwarded_for` are the values of X-Forwarded-For in order. Each proxy appends the address of its caller, so the
    list is read from the end, as far as its writers are trusted, or up to a word that is not an address.
    """
    if peer is None or not _is_in(peer, trusted):
        return peer
    address = peer
    for word in reversed([word for value in forwarded_for for word in value.split(",")]):
        found = _address(word.strip())
        if found is None:
            break
        address = found
        if not _is_in(address, trusted):
            break
    return address


@lru_cache(maxsize=1024)
def _is_in(address: str, trusted: Networks) -> bool:
    parsed = ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed.version == network.version and parsed in network for network in trusted)


def _address(word: str) -> str | None:
    """Parse an address as proxies write it: with or without brackets and a port."""
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        return str(ip_address(word))
    except ValueError:
        return None
