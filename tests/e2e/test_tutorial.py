"""docs/tutorial.md, command by command, as a reader types it, and what it says that they print."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Command, commands

from . import images
from .cluster import KUBECTL, Cluster
from .conftest import Step
from .node import CACHE, SCRIPTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial.md"
END = "--- end of command "

pytestmark = pytest.mark.timeout(600, func_only=True)


@pytest.fixture
def tools(cluster: Cluster, without_operator: None, step: Step, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a reader who has done the steps that the test leaves out: kubectl and helm, and the images."""
    with step("Building helm, and loading an image for the tutorial"):
        subprocess.run([SCRIPTS / "build.sh", "helm"], check=True, timeout=900)
        if images.loader():  # a cluster of its own pulls postgres itself
            images.hand_over(images.POSTGRES, "postgres:18")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").symlink_to(KUBECTL)
    (programs / "helm").symlink_to(CACHE / "bin/helm")
    home = {"HOME": str(tmp_path), "KUBECONFIG": str(cluster.kubeconfig)}
    yield os.environ | home | {"PATH": f"{programs}:{os.environ['PATH']}"}
    cluster.kubectl("delete", "sst/chat", "secret/chat-main", "pod/postgres", "service/postgres", "--ignore-not-found")
    cluster.kubectl("delete", "namespace/session-operator", "--ignore-not-found")
    cluster.kubectl("delete", "crd/sessionstores.sessionstore.dev", "--ignore-not-found")


def printed(script: list[Command], cluster: Cluster, environment: dict[str, str]) -> list[tuple[int, str]]:
    """Type the commands into one shell: the exit code of each, and what it printed."""
    lines = [f"{command.text}\necho; echo '{END}'$?" for command in script]
    shell = subprocess.run(
        [*cluster.reach, "bash"],
        input="\n".join([*lines, "kill $(jobs -p)"]),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=540,
    )
    *parts, _ = shell.stdout.split(END)
    outputs = [parts[0], *(part.partition("\n")[2] for part in parts[1:])]
    codes = [int(part.partition("\n")[0]) for part in shell.stdout.split(END)[1:]]
    return list(zip(codes, outputs, strict=True))


def test_a_reader_gets_what_the_tutorial_shows(cluster: Cluster, tools: dict[str, str], step: Step) -> None:
    script = [command for command in commands(PAGE) if command.run]

    with step(f"Typing the {len(script)} commands of the tutorial"):
        results = printed(script, cluster, tools)

    assert len(results) == len(script)
    others = [
        f"$ {command.text}\n{output}(exit {code}) The page shows:\n{command.output}"
        for command, (code, output) in zip(script, results, strict=True)
        if code or not command.matches(output)
    ]
    assert not others, "\n\n".join(others)


def test_only_what_is_about_kind_is_left_to_the_reader() -> None:
    left = [command.text for command in commands(PAGE) if not command.run]

    assert {text.split()[0] for text in left} == {"docker", "kind"}
