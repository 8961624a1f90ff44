"""prometheus-operator's own definitions of ServiceMonitor and PrometheusRule, out of its Go module."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .apiserver import ROOT, ApiServer

MODULE = "github.com/prometheus-operator/prometheus-operator"
PINNED_IN = ROOT / "tests/charts/prometheus-operator"
DEFINITIONS = "example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml"
PLURALS = ("servicemonitors", "prometheusrules")


def download() -> None:
    go("mod", "download", MODULE)


def install(server: ApiServer) -> None:
    """Have the API server serve ServiceMonitors and PrometheusRules."""
    directory = Path(go("list", "-m", "-f", "{{.Dir}}", MODULE))
    files = [f"--filename={directory / DEFINITIONS.format(plural)}" for plural in PLURALS]
    applied = server.kubectl("apply", "--server-side", *files)
    assert applied.returncode == 0, applied.stderr
    server.served(*(f"{plural}.monitoring.coreos.com" for plural in PLURALS))


def go(*words: str) -> str:
    return subprocess.run(["go", *words], cwd=PINNED_IN, capture_output=True, text=True, check=True).stdout.strip()
