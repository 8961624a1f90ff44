"""Signs of life of the watches: a silent one misses changes without any error (kopf#585, kopf#957)."""

from __future__ import annotations

import time


class Signs:
    """When each watch last heard from the API server. A watch is what it watches, and the path that it watches at."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], float] = {}

    def heard(self, watch: str, path: str) -> None:
        """Something came, be it only a bookmark; or the watch begins, and something should."""
        self._heard[watch, path] = time.monotonic()

    def ages(self) -> dict[str, float]:
        """Seconds since the last sign of each watch, of several paths the oldest."""
        now = time.monotonic()
        ages: dict[str, float] = {}
        for (watch, _), at in self._heard.items():
            ages[watch] = max(ages.get(watch, 0.0), now - at)
        return ages
