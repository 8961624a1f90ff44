"""What glibc keeps of freed memory goes back to the system; another C library has its own ways, and is left alone."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_LARGE = 2**20

_libc = ctypes.CDLL(None)


def keep_large_apart() -> None:
    """Map each large block by itself, so that it goes back when it is freed.

    glibc would take a block that was freed for a sign that more of its size are to come, and keep those.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)


def trim() -> None:
    """Give back what is free."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
