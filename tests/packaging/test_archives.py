"""The sdist and the wheel that it makes: installed where nothing else is, both commands run from them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROGRAMS = ("service", "operator")

pytestmark = pytest.mark.timeout(300)


def run(*command: str | Path) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel made from that sdist, as `python -m build` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    run(BIN / "uv", "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def test_both_hold_every_file_and_no_link(archives: tuple[Path, Path]) -> None:
    sdist, wheel = archives
    with tarfile.open(sdist) as tar:
        assert not [member.name for member in tar if member.issym()]
        assert [name for name in tar.getnames() if name.endswith("/manifests/crd/sessionstores.yaml")]
    with zipfile.ZipFile(wheel) as packed:
        definition = packed.read("session_operator/sessionstores.yaml")
        assert definition == (ROOT / "manifests/crd/sessionstores.yaml").read_bytes()
        for program in PROGRAMS:
            assert f"session_{program}/py.typed" in packed.namelist()
            package = ROOT / program / f"session_{program}"
            there = {path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.is_file()}
            assert {name for name in there if "__pycache__" not in name} <= set(packed.namelist())


def test_the_metadata_says_where_it_belongs_and_what_it_runs_on(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[1]) as packed:
        [name] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = packed.read(name).decode()
    for classifier in PROJECT["classifiers"]:
        assert f"Classifier: {classifier}\n" in metadata
    for label, url in PROJECT["urls"].items():
        assert f"Project-URL: {label}, {url}\n" in metadata


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_its_extra_a_command_says_in_one_line_what_to_install(
    archives: tuple[Path, Path], tmp_path: Path, program: str
) -> None:
    python = bare_environment(tmp_path)
    run(BIN / "uv", "pip", "install", "--python", python, "--no-deps", archives[1])

    ended = subprocess.run([python.parent / f"session-{program}"], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"session-{program}: ")
    assert line.endswith(f" is not installed: pip install 'agno-session-store[{program}]'")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_sdist_installs_with_its_extra_and_the_command_runs(
    archives: tuple[Path, Path], tmp_path: Path, program: str
) -> None:
    python = bare_environment(tmp_path)
    pinned = ROOT / f"requirements/{program}.txt"
    install = (BIN / "uv", "pip", "install", "--python", python)
    run(*install, "--require-hashes", "--requirement", pinned)
    # pip would fetch hatchling of the version that the sdist asks for; ours is the pinned one
    run(*install, "--requirement", ROOT / "requirements/build.txt")
    run(*install, "--no-deps", "--no-build-isolation", archives[0])

    command = python.parent / f"session-{program}"
    assert run(command, "--version").strip() == PROJECT["version"]
    if program == "operator":
        store = ROOT / "manifests/samples/one-database.yaml"
        assert "SessionStore" in run(command, "plan", "--offline", "--file", store)


def bare_environment(folder: Path) -> Path:
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, folder / "venv")
    return folder / "venv/bin/python"
