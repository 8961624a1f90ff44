"""`make bench-answers`: measure the memory that long answers take, on the newest PostgreSQL and the oldest."""

import argparse
import os
import platform
from pathlib import Path

from tests.postgresql import programs
from tests.service.postgres import embedded

from .answers import AT_A_TIME, CASES, GOAL, Answers, measure_answers
from .postgres import Postgres

PAGE = Path(__file__).parents[2] / "docs/benchmarks/answers.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-answers", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write (default: %(default)s)")
    given = parser.parse_args()
    found: dict[str, list[Answers]] = {}
    for version in (programs.VERSIONS[-1], programs.VERSIONS[0]):
        with embedded(version=version) as server:
            print(f"PostgreSQL {version}", flush=True)
            postgres = Postgres(server.pid, server.uri("{}"), Path())
            found[postgres.version] = measure_answers(postgres)
    given.page.write_text(page(found))
    print(f"Written to {given.page}")


def page(found: dict[str, list[Answers]]) -> str:
    """The page of these figures, by the version of PostgreSQL."""
    head = ["asked for", *(f"PostgreSQL {version}" for version in found), "answers", "aim: below"]
    lines = [head, ["---"] * len(head)]
    for case, *each in zip(CASES, *found.values(), strict=True):
        peaks = [_peak(answers) for answers in each]
        told = dict.fromkeys(_told(answers) for answers in each)
        lines.append([case.name, *peaks, "; ".join(told), f"{GOAL // 2**20} MiB"])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"""# The memory of long answers

{AT_A_TIME} clients ask for the same at a time, of a process that has just started with its defaults: the most that it
had resident, and what the clients, of an address each, were answered. Streams have half of a pool of ten connections:
five are answered at a time, the others wait, 30 s at the most (then 503), and a request has 60 s (then 504, or its
answer breaks off). {os.cpu_count()} cores for all of it,
{platform.system()}, Python {platform.python_version()}.

{table}
`make bench-answers` rewrites this page, in some five minutes.
"""


def _peak(answers: Answers) -> str:
    mark = "" if answers.peak < GOAL else "**missed:** "
    return f"{mark}{answers.peak / 2**20:.0f} MiB"


def _told(answers: Answers) -> str:
    if not answers.statuses:
        return "not read"
    return ", ".join(f"{number} x {status}" for status, number in sorted(answers.statuses.items()))


if __name__ == "__main__":
    main()
