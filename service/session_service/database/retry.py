"""When a database that could not be reached may be tried again."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

FIRST_SECONDS = 1.0


class Retry:
    """Counts failures in a row, and how long to leave the other side alone: twice as long each time, up to a limit.

    Pauses vary by a fifth, so that many processes do not knock at the same moment.
    """

    def __init__(self, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._due = -math.inf
        self.failures = 0

    def failed(self) -> float:
        """Note a failure; gives the seconds to wait."""
        pause = min(FIRST_SECONDS * 2.0**self.failures, self._longest)
        pause *= random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        self.failures = min(self.failures + 1, 32)
        self._due = self._clock() + pause
        return pause

    def succeeded(self) -> None:
        """Forget all failures."""
        self.failures, self._due = 0, -math.inf

    @property
    def seconds_left(self) -> float:
        """How long not to try yet; 0 if one may."""
        return max(0.0, self._due - self._clock())
