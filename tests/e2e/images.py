"""The images that the cluster runs: built from this tree by buildah, handed over as archives.

PYTHON_IMAGE names another base image than the Dockerfiles do. Where it can't be had, a stand-in is made.
Where E2E_KUBECONFIG names the cluster, E2E_IMAGE_LOAD is the command that takes an archive, say
`kind load image-archive`; without it the images are expected to be there already.
"""

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path

from .node import SCRIPTS

ROOT = Path(__file__).parents[2]
SERVICE, OPERATOR, POSTGRES = "agno-session-service:0.1.0", "agno-session-operator:0.1.0", "agno-session-e2e-postgres:1"
AGENTOS, NGINX = "agno-session-example-agentos:0.1.0", "agno-session-e2e-nginx:1"
STAND_IN = "localhost/agno-session-store/python:3.13-slim"
# Of each image: the Dockerfile and the folder that it is built from
SOURCES = {
    SERVICE: (ROOT / "Dockerfile.service", ROOT),
    OPERATOR: (ROOT / "Dockerfile.operator", ROOT),
    POSTGRES: (Path(__file__).parent / "Dockerfile.postgres", Path(sysconfig.get_path("platlib"))),
    # For Compose alone
    AGENTOS: (ROOT / "examples/agentos/Dockerfile", ROOT),
    NGINX: (Path(__file__).parent / "Dockerfile.nginx", ROOT),
}
EPOCH = re.search(r"^ARG SOURCE_DATE_EPOCH=(\d+)", (ROOT / "Dockerfile.service").read_text(), re.MULTILINE)[1]  # type: ignore[index]


def provide() -> None:
    """Build all images and hand them to the cluster."""
    if not loader():
        return
    for image in (SERVICE, OPERATOR, POSTGRES):
        build(image)
        hand_over(image, image)


def loader() -> list[str]:
    """The command that gives an image archive to the cluster; empty where the cluster has its images."""
    if words := shlex.split(os.environ.get("E2E_IMAGE_LOAD", "")):
        return words
    return [] if "E2E_KUBECONFIG" in os.environ else [str(SCRIPTS / "load-image.sh")]


def hand_over(image: str, name: str) -> None:
    """Give an image that was built to the cluster, under this name."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = f"{scratch}/image.tar"
        buildah("push", "--quiet", f"localhost/{image}", f"docker-archive:{archive}:{name}")
        subprocess.run([*loader(), archive], check=True, timeout=300)


def build(image: str, *words: str, tag: str | None = None) -> None:
    """Build an image, of no time but EPOCH. Where nothing is new, its layers are those of the last build."""
    dockerfile, context = SOURCES[image]
    tag = f"localhost/{tag or image}"
    before = image_id(tag)
    with tempfile.TemporaryDirectory() as scratch:
        build = [
            "bud",
            "--quiet",
            "--layers",
            "--network=host",
            f"--timestamp={EPOCH}",
            f"--build-arg=PYTHON_IMAGE={base_image()}",
            *pip_settings(Path(scratch) / "pip.conf"),
            *words,
        ]
        buildah(*build, f"--tag={tag}", f"--file={dockerfile}", str(context))
    if before not in ("", image_id(tag)):
        with suppress(RuntimeError):  # a build that was broken off may still hold it
            buildah("rmi", "--force", before)  # its layers would pile up


def layers(image: str) -> list[str]:
    """The digests of an image's layers, uncompressed, from the base image on."""
    found: list[str] = json.loads(buildah("inspect", "--type=image", image))["OCIv1"]["rootfs"]["diff_ids"]
    return found


def buildah(*words: str) -> str:
    """Run buildah; what it writes to stdout. An error tells what it wrote."""
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        raise RuntimeError(f"buildah {' '.join(words)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")
    return done.stdout


def base_image() -> str:
    """The Python image to build from: PYTHON_IMAGE, else the Dockerfiles' own where it can be had, else a stand-in."""
    if image := os.environ.get("PYTHON_IMAGE"):
        return image
    named = re.search(r"^ARG PYTHON_IMAGE=(\S+)", (ROOT / "Dockerfile.service").read_text(), re.MULTILINE)
    assert named is not None
    for image in (named[1], STAND_IN):
        if image_id(image):
            return image
    pull = ["timeout", "300", "buildah", "pull", "--quiet", named[1]]
    if subprocess.run(pull, capture_output=True, timeout=310, check=False).returncode == 0:
        return named[1]
    subprocess.run([SCRIPTS / "base-image.sh", STAND_IN], check=True, timeout=900)
    return STAND_IN


def image_id(image: str) -> str:
    """The id of an image that buildah has; empty where it has none of this name."""
    inspect = ["buildah", "inspect", "--type=image", "--format={{.FromImageID}}", image]
    return subprocess.run(inspect, capture_output=True, text=True, timeout=60, check=False).stdout.strip()


def pip_settings(file: Path) -> list[str]:
    """Write down pip's settings on this machine; the words that let the builds have them and the paths in them."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    # pip lists the environment, which wins, before its files
    settings = dict(reversed(re.findall(r"^[^.\n]+\.([\w-]+)='(.*)'$", listed, re.MULTILINE)))
    config = configparser.ConfigParser(interpolation=None)
    config["global"] = {name: value.replace("\\n", " ") for name, value in settings.items()}
    with file.open("w") as out:
        config.write(out)
    paths = {word for value in config["global"].values() for word in value.split() if word.startswith("/")}
    mounts = [f"--volume={path}:{path}:ro" for path in sorted(paths) if Path(path).exists()]
    return [f"--secret=id=pip.conf,src={file}", *mounts]
