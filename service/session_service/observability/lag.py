"""How late the event loop is: what every request waits for before anything is done for it."""

from __future__ import annotations

import asyncio

_PERIOD = 0.25
_WINDOW = 15.0


class LoopLag:
    """Asks to be woken four times a second and sees how late that happens."""

    def __init__(self) -> None:
        self._now = self._before = 0.0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """The worst of the last 15 to 30 seconds."""
        return max(self._now, self._before)

    def begin(self) -> None:
        """Begin to look."""
        loop = asyncio.get_running_loop()
        self._loop, self._turns_at = loop, loop.time() + _WINDOW
        self._ask()

    def end(self) -> None:
        """Look no more."""
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
