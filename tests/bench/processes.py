"""What a tree of processes has used: CPU seconds and memory, from /proc."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil


def _tree(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        yield root
        yield from root.children(recursive=True)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its children, and its children that have ended."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            # the dead of every process of the tree; living ones count for themselves
            total += times.children_user + times.children_system
    return total


def forget_peak(pid: int) -> None:
    """Reset the peak of memory."""
    for process in _tree(pid):
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def peak_memory(pid: int) -> int:
    """The most memory that the processes ever had resident, in bytes, summed over the tree (VmHWM)."""
    return sum(_status(process.pid, "VmHWM") for process in _tree(pid))


def memory(pid: int) -> int:
    """What they have resident now, in bytes."""
    return sum(_status(process.pid, "VmRSS") for process in _tree(pid))


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
