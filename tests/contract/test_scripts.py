"""The script and the comparison that the how-tos hand to readers, on AgentOS and on the service."""

import subprocess
import sys
from pathlib import Path

from .servers import SECURITY_KEY, Server, Servers, free_port

NAME = '{"session_name": "Renamed"}'
SCRIPTS = Path(__file__).parents[2] / "scripts"


def smoke(server: Server, *headers: str) -> subprocess.CompletedProcess[str]:
    server.fresh().database.touched = True
    words = [SCRIPTS / "test-session-api.sh", f"http://127.0.0.1:{server.port}", *headers]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def compare(first: int, second: int, *words: str) -> subprocess.CompletedProcess[str]:
    sides = [f"--reference=http://127.0.0.1:{first}", f"--candidate=http://127.0.0.1:{second}"]
    command = [Path(sys.executable).parent / "session-service", "compare", *sides, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def sessions(server: Server) -> list[str]:
    return [row[0] for row in server.database.run("SELECT session_id FROM ai.agno_sessions ORDER BY 1")]


def test_the_smoke_test_passes_on_both_and_leaves_nothing_behind(agentos: Servers, service: Servers) -> None:
    for server in (agentos["v3", "open"], service["v3", "open"]):
        before = sessions(server.fresh())

        done = smoke(server)

        assert done.returncode == 0, done.stderr
        assert done.stdout.count("ok ") - done.stdout.count("list the runs of") == 12
        assert "ok      read one of them" in done.stdout
        assert sessions(server) == before


def test_the_smoke_test_presents_credentials_and_says_where_it_stopped(service: Servers) -> None:
    server = service["v3", "key"]

    assert smoke(server, f"Authorization: Bearer {SECURITY_KEY}").returncode == 0
    refused = smoke(server)
    assert refused.returncode == 1
    assert "list sessions: GET /sessions: expected 200" in refused.stderr
    assert "got 401" in refused.stderr


def test_the_smoke_test_fails_where_nobody_answers() -> None:
    done = subprocess.run(
        [SCRIPTS / "test-session-api.sh", f"http://127.0.0.1:{free_port()}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1


def test_the_comparison_finds_nothing_but_what_agentos_fails_on(agentos: Servers, service: Servers) -> None:
    first, second = agentos["v3", "open"].fresh(), service["v3", "open"].fresh()
    for server in (first, second):  # AgentOS gives equal rows as they are stored
        server.database.touched = True
        server.database.run("UPDATE ai.agno_sessions SET created_at = 1760000000")

    once, again = (compare(first.port, second.port) for _ in range(2))

    assert once.stdout == again.stdout
    assert once.returncode == 1
    different, ties, last = once.stdout.splitlines()
    assert different == "/sessions/t-dict  status: 500 and 200"
    assert ties.startswith("ties: rows with equal sort keys come in another order on ")
    assert int(last.split()[0]) > 3 * len(sessions(first)) - 3


def test_the_comparison_finds_a_renamed_session(service: Servers) -> None:
    first, second = service["v3", "open"].fresh(), service["v2", "open"].fresh()
    assert compare(first.port, second.port, "--sessions", "5").returncode == 0
    (renamed, *_) = sessions(second)
    second.database.touched = True
    second.database.run("UPDATE ai.agno_sessions SET session_data = %s WHERE session_id = %s", NAME, renamed)

    done = compare(first.port, second.port)

    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith(f"/sessions/{renamed}  /session_name: ")]


def test_the_comparison_says_that_a_server_is_away(service: Servers) -> None:
    done = compare(service["v3", "open"].port, free_port())

    assert done.returncode == 2
    assert "can't be asked" in done.stderr
