"""pgbench with the service's statements: what the database alone can do."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .postgres import Postgres
from .wrk import Load, _cpu_of_children


@dataclass(frozen=True)
class Pgbench:
    """Runs one script over prepared statements."""

    postgres: Postgres
    database: str

    def run(self, script: str, clients: int, seconds: float) -> Load:
        """The rate and latencies (seconds) of one window."""
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "script.sql"
            file.write_text(script)
            before = _cpu_of_children()
            finished = subprocess.run(
                [
                    *(self.postgres.pgbench, "--no-vacuum", "--protocol", "prepared", "--file", file, "--log"),
                    *("--client", str(clients), "--jobs", "1", "--time", f"{seconds:g}", "--define", "n=0"),
                    *("--random-seed", "rand", self.postgres.dsn(self.database)),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=directory,
            )
            rate = re.search(r"tps = ([\d.]+) \(without", finished.stdout)
            if finished.returncode or not rate:
                raise RuntimeError(f"pgbench failed: {finished.stdout}\n{script}")
            times = sorted(
                int(line.split(" ", 3)[2]) / 1e6
                for log in Path(directory).glob("pgbench_log.*")
                for line in log.read_text().splitlines()
            )
        return Load(
            requests=len(times),
            seconds=len(times) / float(rate[1]),
            p50=times[len(times) // 2],
            p99=times[len(times) * 99 // 100],
            failed=0,
            broken=0,
            bytes=0,
            cpu=_cpu_of_children() - before,
        )
