"""Short names that stand for user and session ids in logs: the same id gets the same name, and no name leads back."""

from __future__ import annotations

import hmac
import secrets

_DIGITS = 16


class Pseudonyms:
    """HMAC-SHA256 under a key, cut to 16 hexadecimal digits.

    Ids are guessable, so a plain hash would be reversed by a table of them. Without a key of its own each process draws
    one at random: its names can't be compared with those of another process, or traced by anybody.
    """

    def __init__(self, key: str | None = None) -> None:
        # keyed once: that takes as long as hashing ten ids
        self._keyed = hmac.new(secrets.token_bytes(32) if key is None else key.encode(), digestmod="sha256")

    def of(self, id: str) -> str:
        """The name of an id."""
        digest = self._keyed.copy()
        digest.update(id.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:_DIGITS]
