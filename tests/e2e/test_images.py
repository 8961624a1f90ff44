"""What is in the images that the cluster runs, and that the same sources make the same image."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from . import images

MB = 1_000_000
# Of each image: its program and what it may weigh beyond its base image
IMAGES = {images.SERVICE: ("session-service", 120 * MB), images.OPERATOR: ("session-operator", 150 * MB)}
# For which the requirements are those of the image
PYTHON = {"python_version": "3.13", "python_full_version": "3.13.0"}

pytestmark = [pytest.mark.timeout(600, func_only=True), pytest.mark.parametrize("image", IMAGES)]


@pytest.fixture
def files(image: str) -> Iterator[Path]:
    """The file system of an image."""
    images.build(image)
    container = images.buildah("from", f"localhost/{image}").strip()
    try:
        yield Path(images.buildah("mount", container).strip())
    finally:
        images.buildah("rm", container)


def test_it_is_no_heavier_than_told(image: str) -> None:
    images.build(image)
    base = images.layers(images.base_image())
    with tempfile.TemporaryDirectory() as copy:
        images.buildah("push", "--quiet", "--disable-compression", f"localhost/{image}", f"dir:{copy}")
        sizes = [layer["size"] for layer in json.loads((Path(copy) / "manifest.json").read_text())["layers"]]

    added = sum(sizes[len(base) :])

    print(f"{image}: {added / MB:.0f} MB beyond the base image")
    assert images.layers(f"localhost/{image}")[: len(base)] == base
    assert added < IMAGES[image][1]


def test_its_sbom_lists_what_was_pinned(image: str, files: Path) -> None:
    program, _ = IMAGES[image]
    sbom = json.loads((files / f"opt/{program}/sbom.cdx.json").read_text())
    listed = {(canonicalize_name(each["name"]), each["version"]) for each in sbom["components"]}
    pins = images.ROOT / f"requirements/{program.removeprefix('session-')}.txt"
    pinned = [Requirement(line.rstrip(" \\")) for line in pins.read_text().splitlines() if line[:1].isalnum()]

    wanted = {
        (canonicalize_name(each.name), next(iter(each.specifier)).version)
        for each in pinned
        if each.marker is None or each.marker.evaluate(PYTHON)
    }

    assert sbom["bomFormat"] == "CycloneDX"
    assert sbom["metadata"]["component"]["name"] == "agno-session-store"
    assert listed == wanted


def test_it_has_no_program_but_python_and_its_own(image: str, files: Path) -> None:
    debian = {path.name for folder in ("usr/bin", "usr/sbin") for path in (files / folder).iterdir()}
    local = {path.name for path in (files / "usr/local/bin").iterdir()}
    own = {path.name for path in (files / f"opt/{IMAGES[image][0]}/bin").iterdir()}

    assert {name for name in debian if not name.startswith("python3")} == set()
    assert {name for name in local if name.startswith("pip")} == set()
    assert IMAGES[image][0] in own
    assert (files / "var/lib/dpkg/status").exists()  # scanners read it


def test_the_same_sources_make_the_same_layers(image: str) -> None:
    # Names of their own: another run, of other sources, may give the usual one away meanwhile
    once, again = (f"agno-session-e2e-{name}/{image}" for name in ("once", "again"))

    images.build(image, tag=once)
    images.build(image, "--no-cache", tag=again)
    try:
        assert images.layers(f"localhost/{again}") == images.layers(f"localhost/{once}")
    finally:
        images.buildah("rmi", f"localhost/{once}", f"localhost/{again}")
