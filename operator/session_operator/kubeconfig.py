"""Address and credentials for the API server: the ServiceAccount of a pod, else $KUBECONFIG or ~/.kube/config."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.request import getproxies

from kubernetes.aio import config as kube_config
from kubernetes.aio.client import Configuration

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NotConfigured(Exception):
    """No configuration names an API server."""


async def load() -> Configuration:
    """Load the configuration of the client. Raises `NotConfigured`."""
    configuration = Configuration(connection_pool_maxsize=0)  # without a limit: each watch keeps one
    # Otherwise aiohttp looks for proxies and for ~/.netrc before every request, in threads
    configuration.client_session_kwargs = {"trust_env": bool(getproxies())}
    try:
        if _in_a_pod():
            kube_config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        else:
            await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                os.environ.get("KUBECONFIG"), client_configuration=configuration, persist_config=False
            )
    except kube_config.ConfigException as error:
        raise NotConfigured(str(error)) from None
    return configuration


async def credentials(configuration: Configuration) -> dict[str, Any]:
    """What another client needs to reach the same API server with the same rights, the token fresh."""
    token = await configuration.get_api_key_with_prefix("BearerToken")
    return {
        "server": configuration.host,
        "ca_path": configuration.ssl_ca_cert,
        "ca_data": configuration.ca_cert_data,
        "insecure": not configuration.verify_ssl,
        "certificate_path": configuration.cert_file,
        "private_key_path": configuration.key_file,
        "token": token.split(" ", 1)[-1] if token else None,
    }


def current_namespace() -> str:
    """The namespace of the pod that this runs in, else that of the current context of the kubeconfig."""
    if _in_a_pod():
        return own_namespace() or "default"
    try:
        _, active = kube_config.list_kube_config_contexts(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
    except kube_config.ConfigException as error:
        raise NotConfigured(str(error)) from None
    return str(active["context"].get("namespace") or "default")


def own_namespace() -> str | None:
    """The namespace of the pod that this runs in; None outside of a pod."""
    path = _SERVICE_ACCOUNT / "namespace"
    return path.read_text() if path.exists() else None


def _in_a_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ
