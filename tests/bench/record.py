"""What a run found, kept as JSON beside the page that is made of it."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .heavy import Heavy
from .page import charts, markdown
from .results import Window, to_json
from .wrk import Load


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


class Record:
    """Figures as they come in. What is not measured in this run stays as an earlier one left it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "service.json"
        self._found: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._windows: list[Window] = []

    def machine(self, postgres: str) -> None:
        """Where this was measured, and when."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        self._found["machine"] = {
            "processor": f"{os.cpu_count()} x {_processor()}",
            "memory": f"{memory:.0f} GiB",
            "system": platform.system(),
            "python": platform.python_version(),
            "postgres": postgres,
            "date": datetime.now(UTC).date().isoformat(),
        }

    def dataset(self, sessions: int, runs: int, size: int) -> None:
        """Sessions, runs, and the bytes of the runs' text."""
        self._found["dataset"] = {"sessions": sessions, "runs": runs, "bytes": size}

    def bottleneck(self, found: Mapping[int, Load]) -> None:
        """wrk alone, by the size of the answer."""
        self._found["wrk"] = [{"size": size, **asdict(load)} for size, load in found.items()]

    def window(self, window: Window) -> None:
        """One window of the routes."""
        self._windows.append(window)
        self._found["windows"] = to_json(self._windows)

    def starts(self, found: Mapping[str, float]) -> None:
        """Seconds from start to first answer."""
        self._found["starts"] = dict(found)

    def heavy(self, found: Sequence[Heavy]) -> None:
        """Memory under the heavy list."""
        self._found["heavy"] = [asdict(each) for each in found]

    def growth(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Figures by the size of the table."""
        self._found["growth"] = list(found)

    def write(self) -> None:
        """Write the JSON, the page and its charts."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._found, indent=1) + "\n")
        (self._directory / "service.md").write_text(markdown(self._found))
        for name, svg in charts(self._found).items():
            (self._directory / name).write_text(svg)
