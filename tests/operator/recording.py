"""What a version of the operator made of its stores, as etcd held it, and back again into another etcd.

To record a release: `git worktree add /tmp/released TAG`, then
`.venv/bin/python -m tests.operator.recording /tmp/released tests/operator/data/releases/TAG.yaml`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from session_operator.kinds import DEPLOYMENTS, PODS, SECRETS, STORES

from .api import Api
from .apiserver import OPERATOR, ApiServer, api_server

NAMESPACE = "released"
KINDS = (
    "pods",
    "replicasets",
    "deployments",
    "serviceaccounts",
    "services/specs",
    "secrets",
    "sessionstore.dev/sessionstores",
)
CONTROLLERS = ("deployment-controller", "replicaset-controller")


def _etcd(server: ApiServer, call: str, body: Any) -> Any:
    request = urllib.request.Request(f"{server.etcd}/v3/kv/{call}", json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def save(server: ApiServer) -> dict[str, str]:
    """All objects of the namespace by their keys in etcd, in base64."""
    held = {}
    for kind in KINDS:
        prefix = f"/registry/{kind}/{NAMESPACE}/"
        answer = _etcd(server, "range", {"key": _b64(prefix), "range_end": _b64(prefix[:-1] + "0")})
        held |= {base64.b64decode(each["key"]).decode(): each["value"] for each in answer.get("kvs", ())}
    return held


def restore(server: ApiServer, held: dict[str, str]) -> None:
    """Put the objects where the API server finds them."""
    created = server.kubectl("create", "namespace", NAMESPACE)
    assert created.returncode == 0, created.stderr
    for key, value in held.items():
        _etcd(server, "put", {"key": _b64(key), "value": value})


async def make(server: ApiServer, tree: Path, stores: dict[str, Any]) -> None:
    """Let the operator of a source tree make the stores, and Deployments their pods."""
    environment = os.environ | {"KUBECONFIG": str(server.kubeconfig(OPERATOR)), "PYTHONPATH": str(tree / "operator")}
    code = "import sys; from session_operator.main import main; sys.exit(main())"
    arguments = ["run", "--listen", "127.0.0.1:0", "--namespace", NAMESPACE]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *arguments, env=environment)
    try:
        async with Api.connect(server, NAMESPACE) as api:
            for name in ("chat-main", "chat-archive"):
                await api.write_secret(name, dsn=f"postgresql://agno:secret@{name}:5432/agno")
            await api.write_secret("chat-app", uri="postgresql://agno:secret@chat-app:5432/agno")
            for name, spec in stores.items():
                await api.apply(STORES, name, {"spec": spec})
            for name in stores:
                await api.until(DEPLOYMENTS, name, lambda body: body.get("status", {}).get("replicas"))
                await api.until(STORES, name, lambda body: body.get("status", {}).get("replicas"))
            await asyncio.sleep(3)  # until no status changes any more
            print({kind.plural: len(await api.list(kind)) for kind in (SECRETS, DEPLOYMENTS, PODS)})
    finally:
        process.terminate()
        await process.wait()


def main(tree: Path, output: Path) -> None:
    stores = yaml.safe_load((Path(__file__).parent / "data" / "released_stores.yaml").read_text())
    with api_server() as server:
        assert server.kubectl("apply", "-k", str(tree / "manifests")).returncode == 0
        server.served("sessionstores.sessionstore.dev")
        assert server.kubectl("create", "namespace", NAMESPACE).returncode == 0
        server.control(*CONTROLLERS)
        asyncio.run(make(server, tree, stores))
        held = save(server)
    output.parent.mkdir(exist_ok=True)
    output.write_text(yaml.safe_dump(held, width=2**20))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
