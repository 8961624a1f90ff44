"""Run tests with every PostgreSQL, agno and Python that we support, and print a table of it.

`python -m tests.matrix [WORD]…`, where a word is a kind or a version: `agno`, `14`. Ends with 1 if anything failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.postgresql.programs import VERSIONS
from tests.writers.releases import RELEASES

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
DEPENDS_ON = {
    "PostgreSQL": ("tests/service/database", "tests/service/store", "tests/contract"),
    "agno": ("tests/writers",),
    "Python": (
        *(f"tests/service/{part}" for part in ("database", "http", "observability", "sessions", "store")),
        *(f"tests/service/test_{module}.py" for module in ("cli", "serving", "settings", "spelling")),
        # they ask the same of the same code for minutes
        *(
            f"--ignore=tests/service/http/test_{module}.py"
            for module in ("docs_page", "fuzz", "owners", "schemathesis")
        ),
    ),
}
PYTHONS = ("3.11", "3.12", "3.13")
ONLY_RESOLVED = "3.14"  # that all extras can be installed, as wheels
SUBJECTS = {
    **{("PostgreSQL", str(version)): {"POSTGRES_VERSIONS": str(version)} for version in VERSIONS},
    **{("agno", release): {"WRITER_VERSIONS": release} for release in RELEASES},
    **{("Python", version): {} for version in (*PYTHONS, ONLY_RESOLVED)},
}
PROCESSES = os.environ.get("PROCESSES", "2")


@dataclass(frozen=True)
class Outcome:
    """What came of one subject: how many tests passed, or why there were none."""

    passed: int = 0
    failed: int = 0
    note: str = ""

    @property
    def bad(self) -> bool:
        """Whether something has to be mended."""
        return bool(self.failed) or not (self.passed or self.note)


def outcome(kind: str, version: str, variables: Mapping[str, str]) -> Outcome:
    """Run what depends on the subject."""
    if kind != "Python":
        return tested(Path(sys.executable), DEPENDS_ON[kind], variables)
    if version == ONLY_RESOLVED:
        return resolved(version)
    interpreter = found(version)
    return tested(installed(version, interpreter), DEPENDS_ON[kind], {}) if interpreter else Outcome(note="not tested")


def tested(python: Path, paths: tuple[str, ...], variables: Mapping[str, str]) -> Outcome:
    """What pytest of this environment counts."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ("--quiet", "--numprocesses", PROCESSES, "--dist", "loadfile", f"--junitxml={report}")
        ended = subprocess.run(
            [python, "-m", "pytest", *options, *paths], check=False, cwd=ROOT, env={**os.environ, **variables}
        )
        if not report.exists():
            return Outcome(failed=1)
        suites = list(ElementTree.parse(report).iter("testsuite"))
    every, skipped, failed = (
        sum(int(suite.get(name, 0)) for suite in suites for name in names)
        for names in (("tests",), ("skipped",), ("failures", "errors"))
    )
    return Outcome(every - skipped - failed, failed or int(ended.returncode != 0))


def resolved(version: str) -> Outcome:
    """Whether there are wheels of all that the extras need, for this Python on Linux."""
    words = ("--all-extras", "--only-binary", ":all:", "--python-version", version, "--python-platform", "linux")
    ended = _uv("pip", "compile", "--quiet", "--no-annotate", "--no-header", *words, "pyproject.toml")
    pins = [line for line in ended.stdout.splitlines() if "==" in line]
    return Outcome(note=f"not tested; all extras resolve to {len(pins)} wheels") if pins else Outcome(failed=1)


def found(version: str) -> Path | None:
    """An interpreter of this version: our own, one on the path, or pyenv's newest."""
    own = Path(sys.executable)
    here = [own, Path(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))[::-1]]
    return next((candidate for candidate in here if _is(candidate, version)), None)


def _is(candidate: Path, version: str) -> bool:
    asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:  # pyenv has commands for versions that are turned off, which fail
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout.strip() == version
    except FileNotFoundError:
        return False


def installed(version: str, interpreter: Path) -> Path:
    """The interpreter of an environment with all that tests need."""
    if interpreter == Path(sys.executable):
        return interpreter
    place = ROOT / f".venv-python{version}"
    python = place / "bin/python"
    for words in (
        ("venv", "--quiet", "--clear", "--python", interpreter, place),
        ("pip", "sync", "--quiet", "--require-hashes", "--python", python, "requirements/dev.txt"),
        ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", python, "--editable", "."),
    ):
        _uv(*words).check_returncode()
    return python


def _uv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    no_downloads = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    return subprocess.run([UV, *words], check=False, cwd=ROOT, env=no_downloads, text=True, stdout=subprocess.PIPE)


def table(outcomes: Mapping[tuple[str, str], Outcome]) -> Iterator[str]:
    """The lines of it, in Markdown."""
    yield "| with | tests passed | failed |"
    yield "| --- | --- | --- |"
    for (kind, version), got in outcomes.items():
        yield f"| {kind} {version} | {got.note or got.passed} | {'' if got.note else got.failed} |"


def main(words: list[str]) -> int:
    """Run what the words select, print the table, and give the exit status."""
    if unknown := set(words) - {word for subject in SUBJECTS for word in subject}:
        raise SystemExit(f"no kind and no version: {unknown}")
    outcomes = {}
    for (kind, version), variables in SUBJECTS.items():
        if not words or {kind, version} & set(words):
            print(f"--- {kind} {version}", flush=True)
            outcomes[kind, version] = outcome(kind, version, variables)
    print("\n".join(table(outcomes)))
    return int(any(got.bad for got in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
