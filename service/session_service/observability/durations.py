"""A histogram of durations in plain numbers: adding takes a fraction of a microsecond; it is read at each scrape."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Durations:
    """Counts durations in seconds by the smallest bound that they don't exceed."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration in seconds."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def include(self, other: Durations) -> None:
        """Add the counts of another histogram."""
        self._counts = [one + more for one, more in zip(self._counts, other._counts, strict=True)]
        self.sum += other.sum

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Each bound with the number of durations up to it, in Prometheus' format."""
        bounds = [*(f"{float(bound)}" for bound in BOUNDS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
