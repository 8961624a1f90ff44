"""smoke.py HEALTH API [NAMESPACE...]: wait for the operator to be healthy, then list SessionStores with its rights.

HEALTH is the URL of its health endpoint, API that of the Kubernetes API; no namespace means all.
"""

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 60
CREDENTIALS = Path(os.environ.get("CREDENTIALS", "/var/run/secrets/kubernetes.io/serviceaccount"))


def get(url: str, **headers: str) -> tuple[int, bytes]:
    """The status and body of an answer; status 0 and the reason if there is none."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=10, context=context
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()
    except OSError as error:
        return 0, str(error).encode()


health, api, namespaces = sys.argv[1], sys.argv[2], sys.argv[3:]
context = ssl.create_default_context(cafile=CREDENTIALS / "ca.crt")
deadline = time.monotonic() + PATIENCE
while (answer := get(health))[0] != 200:
    if time.monotonic() > deadline:
        sys.exit(f"not healthy: {answer[0]} {answer[1].decode()}")
    time.sleep(1)

token = (CREDENTIALS / "token").read_text()
for place in [f"namespaces/{namespace}/" for namespace in namespaces] or [""]:
    status, body = get(f"{api}/apis/sessionstore.dev/v1alpha1/{place}sessionstores", Authorization=f"Bearer {token}")
    if status != 200:
        sys.exit(f"{place or 'all namespaces'}: {status} {body.decode(errors='replace')}")
    print(f"{place or 'all namespaces'}: {len(json.loads(body)['items'])} SessionStores")
