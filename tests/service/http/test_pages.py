"""What a browser finds beside the API."""

import hashlib
import re
from importlib.resources import files

import pytest

from session_service import __version__
from session_service.http.auth import OPEN_PATHS, PAGE_PATHS
from session_service.http.openapi import document
from session_service.http.pages import pages, weight
from tests.service.waiting import until_true

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accepted", "page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/*", True),
        ("application/json;q=0.5, text/html;q=0.6", True),
        ("text/html;q=0.5, application/json", False),
        ("application/json, text/html", False),
        ("*/*", False),
        ("", False),
        ("text/html;q=0", False),
        ("text/html;q=canary", False),
        (None, False),
    ],
)
async def test_a_browser_gets_a_page_and_everyone_else_json(v3, serve, accepted, page):
    client = await serve(v3.dsn)
    answer = await client.get(
        "/", headers={} if accepted is None else {"Accept": accepted}, skip_auto_headers=["Accept"]
    )
    assert (answer.status, answer.headers["Vary"]) == (200, "Origin, Accept")
    if page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert __version__ in await answer.text()
    else:
        assert await answer.json() == {
            "name": "agno-session-store",
            "description": "AgentOS' session API, served out of Postgres databases that agno writes.",
            "version": __version__,
            "docs": "/docs",
            "openapi": "/openapi.json",
            "health": "/health",
        }


def test_the_most_exact_range_of_an_accept_header_counts():
    assert weight("text/*;q=0.3, text/html;q=0.7, */*;q=0.5", "text/html") == 0.7
    assert weight("text/*;q=0.3, */*;q=0.5", "text/html") == 0.3
    assert weight("text/*;q=0.3, */*;q=0.5", "application/json") == 0.5
    assert weight("text/html", "application/json") == 0


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", *PAGE_PATHS])
async def test_pages_are_open_and_take_nothing_from_elsewhere(v3, serve, path):
    client = await serve(v3.dsn, OS_SECURITY_KEY="canary")
    answer = await client.get(path, headers={"Accept": BROWSER})
    text = await answer.text()
    assert answer.status == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.content_type == "text/html":
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert not re.search(r"unsafe|https?:|\*", policy)
        assert not re.search(r"(src|href)=\"(?!/|data:,)|<style|<script>| style=| on\w+=", text)


def test_every_path_of_the_pages_is_open():
    assert {route.template for route in pages("1")} <= OPEN_PATHS | PAGE_PATHS


async def test_links_of_the_first_page_lead_somewhere(v3, serve):
    client = await serve(v3.dsn)
    text = await (await client.get("/", headers={"Accept": BROWSER})).text()
    links = set(re.findall(r'href="([^"]*)"', text))
    assert "/docs" in links

    async def ready():
        return (await client.get("/healthz/ready")).status == 200

    await until_true(ready)
    for link in links - {"data:,"}:
        assert (await client.get(link)).status == 200, link


async def test_the_description_of_the_api_is_the_one_that_the_command_prints(v3, serve):
    client = await serve(v3.dsn)
    answer = await client.get("/openapi.json")
    assert (answer.headers["Content-Type"], await answer.json()) == ("application/json", document(__version__))
    head = await client.head("/openapi.json")
    assert (head.status, head.headers["Content-Type"], await head.read()) == (200, "application/json", b"")


def test_vendored_files_are_those_that_were_published():
    folder = files("session_service.http") / "assets/swagger-ui"
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    there = {each.name: each for each in folder.iterdir() if each.name != "SHA256SUMS"}
    assert {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in there.items()} == sums
    assert {"LICENSE", "NOTICE", "package.json"} < there.keys()
