"""`docker compose up`: what docker-compose.session.yml brings up serves, and with its profile it is one URL."""

from collections.abc import Iterator
from typing import Any

import pytest

from . import compose

pytestmark = pytest.mark.timeout(600, func_only=True)

SERVICE, BOTH = "http://127.0.0.1:8080", "http://127.0.0.1:7777"


@pytest.fixture
def project() -> Iterator[compose.Project]:
    """The file's services, none of which runs yet."""
    with compose.project() as project:
        yield project


def test_up_serves_sessions_and_the_profile_puts_them_and_an_agentos_behind_one_url(project: compose.Project) -> None:
    project.up()
    assert project.running() == {"postgres", "sessions"}
    for service in ("postgres", "sessions"):
        project.wait_until_healthy(service)
    empty: Any = project.get(f"{SERVICE}/sessions?limit=5")
    assert empty["data"] == []

    project.up("--profile=agentos")
    project.wait_until_healthy("agentos")
    assert project.running() == {"postgres", "sessions", "agentos", "nginx"}
    said: Any = project.get(f"{BOTH}/workflows/echo/runs", "message=Hello&stream=false")
    assert said["content"] == "You said: Hello"

    written: Any = project.get(f"{BOTH}/sessions?type=workflow")
    assert [row["session_id"] for row in written["data"]] == [said["session_id"]]
    assert written["data"] == project.get(f"{SERVICE}/sessions?type=workflow")["data"]  # type: ignore[index]
    log = project.log("agentos")
    assert "POST /workflows/echo/runs" in log
    assert "GET /sessions" not in log
