"""smoke.py URL served|refused: wait for the service to be ready, then ask each database for a session.

The credential is OS_SECURITY_KEY, if set. `refused`: the service wants tokens, and must refuse us without one.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 60


def get(url: str) -> tuple[int, bytes]:
    """The status and body of an answer; status 0 and the reason if there is none."""
    headers = {"Authorization": f"Bearer {key}"} if (key := os.environ.get("OS_SECURITY_KEY")) else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()
    except OSError as error:
        return 0, str(error).encode()


url, expected = sys.argv[1], {"served": 200, "refused": 401}[sys.argv[2]]
deadline = time.monotonic() + PATIENCE
while (answer := get(f"{url}/healthz/ready"))[0] != 200:
    if time.monotonic() > deadline:
        sys.exit(f"not ready: {answer[0]} {answer[1].decode()}")
    time.sleep(1)

failed = False
for database in json.loads(answer[1])["databases"]:
    status, body = get(f"{url}/sessions?limit=1&db_id={urllib.parse.quote(database['id'])}")
    good = status == expected
    print(f"{database['id']}: {status}", "" if good else body.decode(errors="replace"))
    failed = failed or not good
sys.exit(failed)
