"""Compresses answers with gzip or zstd, as the client accepts it, if their bodies are large enough to be worth it.

Compressing a page would take longer than building it, so short bodies stay uncompressed. Long bodies are compressed
in a thread, so that other requests continue.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from functools import lru_cache
from typing import Literal, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Encoding = Literal["zstd", "gzip"]

# the first of those that the client likes best; with levels for the speed of a network, not for size
_PREFERRED: tuple[Encoding, ...] = ("zstd", "gzip")
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 4
_GZIP_WBITS = 31


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


@lru_cache(maxsize=256)
def negotiated(accept_encoding: str | None) -> Encoding | None:
    """The encoding for a client by its Accept-Encoding, None for none."""
    weights: dict[str, float] = {}
    for word in (accept_encoding or "").lower().split(","):
        name, _, weight = word.partition(";")
        try:
            weights[name.strip()] = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
    best = max(_PREFERRED, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None


class Encoder:
    """Compresses one body, piece by piece; returns for each piece what the compressor has finished."""

    def __init__(self, encoding: Encoding) -> None:
        self._compressor: _Compressor = (
            zstd.ZstdCompressor(level=_ZSTD_LEVEL)
            if encoding == "zstd"
            else zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WBITS)
        )

    async def piece(self, data: bytes, *, last: bool = False) -> bytes:
        """The bytes to send for this piece, perhaps none yet; for the last piece, all that remain."""
        return await asyncio.get_running_loop().run_in_executor(None, self._compress, data, last)

    def _compress(self, data: bytes, last: bool) -> bytes:
        compressed = self._compressor.compress(data)
        return compressed + self._compressor.flush() if last else compressed
