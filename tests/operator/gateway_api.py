"""The Gateway API's own definition of HTTPRoute, out of its Go module."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .apiserver import ROOT, ApiServer

MODULE = "sigs.k8s.io/gateway-api"
PINNED_IN = ROOT / "tests/charts/gateway-api"
DEFINITION = "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"


def download() -> None:
    go("mod", "download", MODULE)


def install(server: ApiServer) -> None:
    """Have the API server serve HTTPRoutes."""
    definition = Path(go("list", "-m", "-f", "{{.Dir}}", MODULE)) / DEFINITION
    applied = server.kubectl("apply", "--server-side", "--filename", str(definition))
    assert applied.returncode == 0, applied.stderr
    server.served("httproutes.gateway.networking.k8s.io")


def go(*words: str) -> str:
    return subprocess.run(["go", *words], cwd=PINNED_IN, capture_output=True, text=True, check=True).stdout.strip()
