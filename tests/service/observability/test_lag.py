"""The lag of the event loop is seen, and forgotten after a while."""

import time

from session_service.observability import lag
from tests.service.waiting import until


async def test_a_blocked_loop_is_seen_and_forgotten_again(monkeypatch):
    monkeypatch.setattr(lag, "_WINDOW", 0.6)
    monkeypatch.setattr(lag, "_PERIOD", 0.01)
    watching = lag.LoopLag()
    watching.begin()
    try:
        time.sleep(0.4)  # noqa: ASYNC251 - blocking is what is to be seen
        await until(lambda: watching.seconds > 0.3)
        await until(lambda: watching.seconds < 0.3)
    finally:
        watching.end()
