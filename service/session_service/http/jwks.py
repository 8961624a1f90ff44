"""Verification keys from a setting, and from a JWKS file that may be rotated while the service runs."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jwt import PyJWK, PyJWTError, get_algorithm_by_name
from jwt.algorithms import AllowedPublicKeys

Key = AllowedPublicKeys | bytes
Keys = dict[str | None, Key]

# bytes of a JWK set: hundreds of keys
LARGEST = 256 * 2**10
_LOOK_EVERY_SECONDS = 1.0
_log = logging.getLogger(__name__)


def static_key(text: str, algorithm: str) -> Key:
    """The key of a setting: PEM for asymmetric algorithms, the secret itself for HS*. Raises ValueError."""
    try:
        key: Key = get_algorithm_by_name(algorithm).prepare_key(text)
    except (PyJWTError, TypeError, ValueError):
        raise ValueError(
            f"JWT_VERIFICATION_KEY is not a key for {algorithm}: set AGNO_JWT_ALGORITHM to the algorithm of the key"
        ) from None
    return key


class JwksFile:
    """The keys of a JWKS file, read again when the file changes.

    If a changed file can't be read or has no usable key, the log says so and the previous keys stay.
    """

    def __init__(self, path: Path, algorithm: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file. `clock` returns seconds. Raises ValueError if it has no key for the algorithm."""
        self._path = path
        self._algorithm = algorithm
        self._clock = clock
        self._looked_at = clock()
        self._version = _version(path)
        try:
            self._keys = _read(path, algorithm)
        except (OSError, ValueError) as error:
            raise ValueError(f"JWT_JWKS_FILE {path} can't be used: {error}") from None

    async def key(self, kid: str | None) -> Key | None:
        """The key with this `kid`, else the key without a `kid`, else None."""
        self._reread_if_changed()
        return self._keys.get(kid, self._keys.get(None))

    def _reread_if_changed(self) -> None:
        now = self._clock()
        if now - self._looked_at < _LOOK_EVERY_SECONDS:
            return
        self._looked_at = now
        version = _version(self._path)
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = _read(self._path, self._algorithm)
        except (OSError, ValueError) as error:
            _log.warning("JWKS file %s can't be used, the previous keys stay in use: %s", self._path, error)


def _version(path: Path) -> tuple[int, int, int] | None:
    """A value that changes when a file is written, or replaced as in a mounted Secret of Kubernetes."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _read(path: Path, algorithm: str) -> Keys:
    with path.open("rb") as file:
        return keys_of(file.read(LARGEST + 1), algorithm)


def keys_of(text: bytes, algorithm: str) -> Keys:
    """The keys of a JWK set for this algorithm, by `kid`. Raises ValueError if there is none."""
    if len(text) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    members = document.get("keys") if isinstance(document, dict) else None
    keys = {
        member.get("kid") or None: key
        for member in (members if isinstance(members, list) else ())
        if (key := _usable(member, algorithm)) is not None
    }
    if not keys:
        raise ValueError(f"it is not a JWK set with a key for {algorithm}")
    return keys


def _usable(member: Any, algorithm: str) -> Key | None:
    """The key of a member, None if it has another purpose (RFC 7517 section 5: such members are ignored)."""
    if not isinstance(member, dict) or not isinstance(member.get("kid", ""), str):
        return None
    if member.get("use", "sig") != "sig" or member.get("alg", algorithm) != algorithm:
        return None
    try:
        jwk = PyJWK(member, algorithm)
        key: Key = jwk.Algorithm.prepare_key(jwk.key)
    except (PyJWTError, LookupError, TypeError, ValueError):
        return None
    return key
