"""Decides when to retry an unreachable database."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

FIRST_SECONDS = 1.0


class Retry:
    """Counts consecutive failures, and doubles the pause each time, up to a limit.

    Pauses vary by a fifth, so that many processes do not retry at the same moment.
    """

    def __init__(self, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._due = -math.inf
        self.failures = 0

    def failed(self) -> float:
        """Record a failure; returns the seconds to wait."""
        pause = min(FIRST_SECONDS * 2.0**self.failures, self._longest)
        pause *= random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        self.failures = min(self.failures + 1, 32)
        self._due = self._clock() + pause
        return pause

    def succeeded(self) -> None:
        """Reset the failures."""
        self.failures, self._due = 0, -math.inf

    @property
    def seconds_left(self) -> float:
        """Seconds until the next attempt is allowed; 0 if it is allowed now."""
        return max(0.0, self._due - self._clock())
