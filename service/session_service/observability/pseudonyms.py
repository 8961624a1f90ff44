"""Pseudonyms of user and session ids for logs: equal ids get equal names, and no name reveals its id."""

from __future__ import annotations

import hmac
import secrets

_DIGITS = 16


class Pseudonyms:
    """HMAC-SHA256 under a key, cut to 16 hexadecimal digits.

    Ids are guessable, so a table of hashes would reverse a plain hash. Without a configured key each process generates
    a random one: then nobody can compare its names with those of another process, or look up an id.
    """

    def __init__(self, key: str | None = None) -> None:
        # keyed once, because that takes as long as hashing ten ids
        self._keyed = hmac.new(secrets.token_bytes(32) if key is None else key.encode(), digestmod="sha256")

    def of(self, id: str) -> str:
        """The pseudonym of an id."""
        digest = self._keyed.copy()
        digest.update(id.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:_DIGITS]
