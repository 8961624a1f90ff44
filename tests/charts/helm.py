"""The charts, and helm, which is built once into the user's cache."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHARTS = ROOT / "charts"
DATA = Path(__file__).parent / "data"
NAMESPACE = "charts"
PROGRAMS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agno-session-store/bin"
HELM = PROGRAMS / "helm"
# Every file of values: of each chart, one for each thing that people do with it
MATRIX = {f"{file.parent.name}/{file.stem}": file for file in sorted(DATA.glob("*/*.yaml"))}

Object = dict[str, Any]


class Refused(Exception):
    """Helm renders nothing of these values. The message is what it says."""


def build() -> None:
    """Build helm and kube-score from their Go modules: some minutes the first time, then nothing."""
    subprocess.run([ROOT / "tests/cluster/build.sh", "helm", "kube-score"], check=True)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run helm, without settings and plugins of the user."""
    with tempfile.TemporaryDirectory() as home:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = kept | {f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")}
        return subprocess.run([HELM, *words], capture_output=True, text=True, check=False, env=environment)


def template(
    chart: str, values: Mapping[str, Any], *words: str, release: str = "chat", namespace: str = NAMESPACE
) -> list[Object]:
    """The objects that a chart renders from values."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(values, file)
        file.flush()
        return _template(chart, Path(file.name), *words, release=release, namespace=namespace)


@functools.cache
def rendered(case: str) -> list[Object]:
    """The objects of one file of the matrix."""
    return _template(case.split("/")[0], MATRIX[case])


def one(objects: list[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def container(objects: list[Object]) -> Object:
    """The container of the Deployment."""
    (found,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _template(chart: str, file: Path, *words: str, release: str = "chat", namespace: str = NAMESPACE) -> list[Object]:
    done = run("template", release, CHARTS / chart, "--namespace", namespace, "--values", file, *words)
    if done.returncode:
        raise Refused(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each]
