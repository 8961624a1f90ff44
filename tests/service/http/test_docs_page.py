"""The page of the API in a real Chromium: every operation expanded and executed, also with a security key."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from session_service.demo import load_demo
from session_service.http.operations import OPERATIONS
from session_service.settings import Settings
from session_service.store.store_map import LiveStores, StoreMap

PACKAGES = Path(__file__).parents[2] / "cluster/packages.sh"
KEY = "sk-of-the-page"
# what is deleted or changed has to be there before
ORDER = ("GET", "PATCH", "POST", "DELETE")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def chromium():
    """The program, which Debian has."""
    if shutil.which("chromium") is None:
        subprocess.run([PACKAGES, "chromium"], check=True)
    return shutil.which("chromium")


@asynccontextmanager
async def opened(chromium: str, url: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page that reaches nothing but this URL, and what it complains of."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        page = await browser.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda each: None if each.url.startswith((url, "data:")) else complaints.append(each.url))
        try:
            yield page, complaints
        finally:
            await browser.close()


@pytest.fixture
async def demo(new_agno):
    """The DSN map of a database with the demo sessions."""
    databases = {"default": new_agno("empty").dsn}
    stores = StoreMap.open(Settings.load({"AGNO_SESSION_DSN_MAP": json.dumps(databases)}).databases)
    await load_demo(stores.by_id["default"][0])
    await LiveStores(stores).close()
    return databases


async def executed(page: Page, tag: str, id: str) -> str:
    """The status that an operation is answered with, once its button Execute was pressed."""
    block = page.locator(f"#operations-{tag}-{id}")
    await block.locator(".opblock-summary-control").click()
    await block.locator("button.execute").click()
    status = await block.locator(".live-responses-table .response-col_status").last.inner_text()
    await block.locator(".opblock-summary-control").click()  # each change redraws what is open
    return status.split()[0]


async def test_every_operation_is_executed_and_answered_as_its_example_says(demo, serve, chromium):
    client = await serve(demo)
    url = str(client.make_url("/"))
    async with opened(chromium, url) as (page, complaints):
        await page.goto(url)
        await page.get_by_role("link", name="The API").click()
        await expect(page.locator(".opblock")).to_have_count(len(OPERATIONS))
        for _, operation in sorted(OPERATIONS.items(), key=lambda each: ORDER.index(each[0][0])):
            assert await executed(page, operation.tag, operation.id) == str(operation.status), operation.id
        assert complaints == []


async def test_a_security_key_is_taken_by_the_button_authorize(demo, serve, chromium):
    client = await serve(demo, OS_SECURITY_KEY=KEY)
    url = str(client.make_url("/"))
    async with opened(chromium, url) as (page, complaints):
        await page.goto(url + "docs")
        assert await executed(page, "Sessions", "get_sessions") == "401"
        await page.locator(".auth-wrapper button.authorize").click()
        await page.locator(".modal-ux input").fill(KEY)
        await page.locator(".modal-ux button.authorize").click()
        await page.locator(".modal-ux button.btn-done").click()
        assert await executed(page, "Sessions", "create_session") == "201"
        assert all("401" in each for each in complaints)
