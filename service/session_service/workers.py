"""Several server processes on one port: the kernel spreads connections over them (SO_REUSEPORT)."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = logging.getLogger("session_service")


def run_workers(number: int, work: Callable[[int], int]) -> int:
    """Run `work` in several processes, each with its number from 0 on; returns the highest of their exit codes.

    Signals go to all of them. When one ends by itself, the others are told to end too: then whatever restarts this
    process restarts all, and no missing worker goes unnoticed.
    """
    pids: set[int] = set()
    stopping = False

    def forward(received: int, _: object = None) -> None:
        nonlocal stopping
        stopping = stopping or received != signal.SIGHUP
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, received)

    # blocked until all have started, so that none misses a signal
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    for index in range(number):
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
            _end(work, index)
        pids.add(pid)
    for each in _FORWARDED:
        signal.signal(each, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
    worst = 0
    while pids:
        pid, status = os.wait()
        pids.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        worst = max(worst, code if code >= 0 else 1)
        if not stopping:
            log.error("worker process %d ended with exit code %d: the others are stopped", pid, code)
            worst = max(worst, 1)
            forward(signal.SIGTERM)
    return worst


def _end(work: Callable[[int], int], index: int) -> None:
    code = 1
    try:
        code = work(index)
    except Exception as error:  # what ends the program where there is one process, such as a port that is taken
        sys.stderr.write(f"session-service: worker {index}: {error}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """The port that the workers share: this one, or a free one for 0. Raises OSError if another program uses it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
        taken: int = holder.getsockname()[1]
        yield taken
