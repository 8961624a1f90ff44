"""Measures the lag of the event loop, for which every request waits."""

from __future__ import annotations

import asyncio

_PERIOD = 0.25
_WINDOW = 15.0


class LoopLag:
    """Schedules a callback four times a second and measures how late it runs."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """The greatest lag of the last 15 to 30 seconds."""
        return max(self._now, self._before)

    def begin(self) -> None:
        """Start measuring."""
        loop = asyncio.get_running_loop()
        self._loop, self._turns_at = loop, loop.time() + _WINDOW
        self._ask()

    def end(self) -> None:
        """Stop measuring."""
        if self._handle is not None:
            self._handle.cancel()

    def _ask(self) -> None:
        due = self._loop.time() + _PERIOD
        self._handle = self._loop.call_at(due, self._woken, due)

    def _woken(self, due: float) -> None:
        now = self._loop.time()
        if now >= self._turns_at:
            self._before, self._now, self._turns_at = self._now, 0.0, now + _WINDOW
        self._now = max(self._now, now - due)
        self._ask()
