"""Takes the owner out of each statement in turn and tells which test fails: `python -m tests.service.without_owner`.

As a plugin of pytest it does so for the one place of `store/` that WITHOUT_OWNER names, as `module.py:line`.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import session_service.store
from session_service.store.owned import Owned
from session_service.store.owner import EVERYBODY

STORE = Path(session_service.store.__path__[0])
# what of `Owned` depends on the owner
GUARDS = ("sessions", "session", "update", "insert", "delete", "everybodys")
TESTS = [f"tests/service/{name}" for name in ("http/test_owners.py", "store/test_writing.py", "store/test_deleting.py")]


@dataclass(frozen=True)
class Place:
    """Where a statement asks for its owner."""

    module: str
    line: int
    function: str
    guard: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}"


def places() -> Iterator[Place]:
    """Each place of the store where a statement asks for its owner."""
    for file in sorted(STORE.glob("*.py")):
        for function in ast.parse(file.read_text()).body:
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and node.attr in GUARDS and ast.unparse(node.value) == "owned":
                    yield Place(file.name, node.lineno, getattr(function, "name", "-"), node.attr)


def pytest_configure() -> None:
    """Have the place that is named get what everybody gets."""
    named, reached = os.environ["WITHOUT_OWNER"], Path(os.environ["REACHED"])

    def everybodys(owned: Owned) -> Owned:
        caller = sys._getframe(2)
        if f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}" != named:
            return owned
        reached.touch()
        owned = copy(owned)
        owned.owner = EVERYBODY
        return owned

    def without(real: Any) -> Any:
        if isinstance(real, property):
            return property(lambda owned: real.__get__(everybodys(owned)))
        return lambda owned, *arguments: real(everybodys(owned), *arguments)

    for guard in GUARDS:
        setattr(Owned, guard, without(vars(Owned)[guard]))


def tried(place: Place) -> tuple[bool, str]:
    """Whether a test fails without the owner there, and which does first."""
    with tempfile.TemporaryDirectory() as directory:
        reached = Path(directory, "reached")
        plugins = ["-p", "tests.service.without_owner", "-p", "no:randomly"]
        command = [sys.executable, "-m", "pytest", *plugins, "-qx", *TESTS]
        environment = os.environ | {"WITHOUT_OWNER": str(place), "REACHED": str(reached)}
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        failed = re.search(r"^FAILED (.+?)(?: - |$)", found.stdout, re.MULTILINE)
        if not reached.exists():
            return False, "never asked for"
    return failed is not None, failed[1].partition("::")[2] if failed else "no test fails"


def main() -> int:
    """Print the table; 1 if the owner can be taken out somewhere and no test notices."""
    print("| statement of | asks for | seconds | the first test that fails without the owner |")
    print("| --- | --- | --- | --- |")
    noticed = True
    for place in places():
        began = time.monotonic()
        failed, test = tried(place)
        noticed = noticed and failed
        took = time.monotonic() - began
        print(f"| `{place.function}` ({place}) | `{place.guard}` | {took:.0f} | {test} |", flush=True)
    return 0 if noticed else 1


if __name__ == "__main__":
    sys.exit(main())
