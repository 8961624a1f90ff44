"""Heartbeats of the watches: a watch that goes silent misses changes without any error (kopf#585, kopf#957)."""

from __future__ import annotations

import time


class Heartbeats:
    """When each watch last heard from the API server. A watch is known by its kind and its path."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], float] = {}

    def heard(self, watch: str, path: str) -> None:
        """Record that something came, be it only a bookmark, or that the watch begins."""
        self._heard[watch, path] = time.monotonic()

    def ages(self) -> dict[str, float]:
        """Seconds since the last heartbeat of each kind; of several paths, the longest ago."""
        now = time.monotonic()
        ages: dict[str, float] = {}
        for (watch, _), at in self._heard.items():
            ages[watch] = max(ages.get(watch, 0.0), now - at)
        return ages
