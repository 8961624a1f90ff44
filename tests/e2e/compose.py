"""docker-compose.session.yml run by podman, in namespaces that end with one process and take all that runs along.

Where PostgreSQL's and nginx's images can't be pulled, they have stand-ins under the same names while it runs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import images
from .cluster import until

FILE = images.ROOT / "docker-compose.session.yml"
PROJECT = "agno-session-e2e"
# runc and cgroupfs: so that it also runs inside of a container, without systemd
SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "{scratch}/networks"
"""


@dataclass(frozen=True)
class Project:
    """The services of the file, and the namespaces that they are in."""

    scratch: Path
    process: int

    def run(self, *command: str | Path, seconds: float = 120) -> str:
        """What the command writes to stdout, run where the ports of the services are."""
        words = ["nsenter", f"--target={self.process}", "--net", "--mount", "--pid", *map(str, command)]
        environment = os.environ | {"CONTAINERS_CONF": str(self.scratch / "containers.conf")}
        done = subprocess.run(
            words, cwd=images.ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def compose(self, *words: str) -> str:
        """Run podman-compose."""
        program = Path(sys.executable).parent / "podman-compose"
        return self.run(program, f"--project-name={PROJECT}", "--in-pod=false", f"--file={FILE}", *words)

    def up(self, *words: str) -> None:
        """`docker compose up`, with images that are there already."""
        self.compose(*words, "up", "--detach", "--no-build", "--pull=never")

    def running(self) -> set[str]:
        """The services that run."""
        names = self.run("podman", "ps", "--format={{.Names}}").split()
        return {name.removeprefix(f"{PROJECT}_").removesuffix("_1") for name in names if name.startswith(PROJECT)}

    def log(self, service: str) -> str:
        """What a service wrote."""
        return self.run("sh", "-c", f"exec podman logs {PROJECT}_{service}_1 2>&1")

    def wait_until_healthy(self, service: str, seconds: float = 90) -> None:
        """By the healthcheck of the file. Podman has systemd run it; here it is run by hand."""

        def healthy() -> bool:
            try:
                self.run("podman", "healthcheck", "run", f"{PROJECT}_{service}_1")
            except RuntimeError:
                return False
            return True

        until(f"{service} is healthy", seconds, healthy)

    def get(self, url: str, form: str | None = None) -> object:
        """The JSON at a URL, or that a form is answered by."""
        program = (
            "import sys, urllib.request;"
            "form = sys.argv[2].encode() if len(sys.argv) > 2 else None;"
            "print(urllib.request.urlopen(sys.argv[1], form, timeout=20).read().decode())"
        )
        return json.loads(self.run(sys.executable, "-c", program, url, *([form] if form else [])))


@contextmanager
def project() -> Iterator[Project]:
    """Namespaces with all images at hand and nothing running yet."""
    with tempfile.TemporaryDirectory() as name, _all_images():
        scratch = Path(name)
        (scratch / "networks").mkdir()
        (scratch / "containers.conf").write_text(SETTINGS.format(scratch=scratch))
        # The first process of the namespaces: whatever becomes of us, ending it ends everything in them
        words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
        with subprocess.Popen([*words, "ip link set lo up && exec sleep 1200"]) as outside:
            try:
                inside = Project(scratch, _child(outside.pid))
                try:
                    yield inside
                finally:
                    inside.compose("--profile=agentos", "down", "--volumes", "--timeout=2")
            finally:
                outside.kill()


def _child(process: int) -> int:
    """The one child of a process, once there is one."""
    children = Path(f"/proc/{process}/task/{process}/children")
    return until("the namespaces are there", 10, lambda: int(children.read_text() or 0) or None)


@contextmanager
def _all_images() -> Iterator[None]:
    """The images of the file under the names that it uses."""
    services = yaml.safe_load(FILE.read_text())["services"]
    made = []
    try:
        for service, image in (("sessions", images.SERVICE), ("agentos", images.AGENTOS)):
            assert services[service]["image"] == image
            images.build(image)
        for service, stand_in in (("postgres", images.POSTGRES), ("nginx", images.NGINX)):
            name = services[service]["image"]
            pull = ["timeout", "300", "buildah", "pull", "--quiet", name]
            if images.image_id(name) or not subprocess.run(pull, capture_output=True, check=False).returncode:
                continue
            context = [_nginx()] if service == "nginx" else []
            images.build(stand_in, *context)
            images.buildah("tag", f"localhost/{stand_in}", name)
            made.append(name)
        yield
    finally:
        for name in made:
            images.buildah("rmi", name)


def _nginx() -> str:
    """The word that lets a build have Debian's nginx."""
    command = [images.ROOT / "tests/debian.sh", "nginx", "usr/sbin/nginx"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return f"--build-context=nginx={Path(found).parent}"
