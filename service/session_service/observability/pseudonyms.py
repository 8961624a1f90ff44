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
        self._key = secrets.token_bytes(32) if key is None else key.encode()

    def of(self, id: str) -> str:
        """The name of an id."""
        return hmac.digest(self._key, id.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGITS]
