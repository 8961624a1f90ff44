"""How long a server takes from its start to its first answer out of the database."""

from pathlib import Path
from statistics import median

from . import servers


def measure_starts(dsn: str, logs: Path, times: int = 5) -> dict[str, float]:
    """Medians in seconds, by server."""
    found: dict[str, list[float]] = {}
    for _ in range(times):
        with servers.service(dsn, logs) as server:
            found.setdefault(server.name, []).append(server.seconds or 0.0)
    with servers.agentos("sync", dsn, logs) as server:
        found[server.name] = [server.seconds or 0.0]
    medians = {name: median(seconds) for name, seconds in found.items()}
    for name, seconds in medians.items():
        print(f"start to first answer: {name} {seconds:.2f} s", flush=True)
    return medians
