"""A DSN map that changes while the service runs: checked, put into use, and nobody notices; or refused."""

import asyncio
import json
import os
from contextlib import asynccontextmanager

import pytest

from session_service.app import LIVE_STORES, RELOADER, create_app
from session_service.settings import Settings
from session_service.store import reload
from session_service.store.owner import EVERYBODY
from tests.service.waiting import until


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(reload, "LOOK_EVERY_SECONDS", 0.02)


@pytest.fixture
def file(tmp_path):
    """A map file that is replaced as the kubelet does it: a link to a folder is renamed over the former."""

    class File:
        path = tmp_path / "now" / "dsn-map.json"
        number = 0

        def write(self, databases):
            self.number += 1
            folder = tmp_path / str(self.number)
            folder.mkdir()
            text = databases if isinstance(databases, str) else json.dumps(databases)
            (folder / "dsn-map.json").write_text(text)
            (tmp_path / "next").symlink_to(folder)
            os.rename(tmp_path / "next", tmp_path / "now")

    return File()


@asynccontextmanager
async def running(file, **variables):
    """An app whose map is the file, without a socket."""
    app = create_app(Settings.load({"AGNO_SESSION_DSN_MAP_FILE": str(file.path), **variables}))
    app.freeze()
    await app.startup()
    try:
        yield app[LIVE_STORES], app[RELOADER]
    finally:
        await app.cleanup()


async def ids(stores, db_id):
    """The sessions that a request for this id finds, through a connection of its pool."""
    with stores.use() as given:
        [(ids,)] = await given.by_id[db_id][0].database.read(
            "SELECT string_agg(session_id, ' ' ORDER BY session_id)::varchar FROM ai.agno_sessions"
        )
        return ids


async def test_a_changed_map_is_put_into_use_and_unchanged_databases_keep_their_connections(v3, new_agno, file):
    other = new_agno("v3")
    v3.session("a"), other.session("b")
    file.write({"kept": v3.dsn, "moved": v3.dsn, "gone": v3.dsn})
    async with running(file) as (stores, reloader):
        for db_id in ("kept", "moved", "gone"):
            assert await ids(stores, db_id) == "a"
        kept, moved, gone = (stores.current.by_id[db_id][0].database for db_id in ("kept", "moved", "gone"))
        file.write({"kept": v3.dsn, "moved": other.dsn, "new": other.dsn})
        await until(lambda: reloader.results["applied"] == 1)
        assert list(stores.current.by_id) == ["kept", "moved", "new"]
        assert stores.current.by_id["kept"][0].database is kept
        assert (await ids(stores, "moved"), await ids(stores, "new")) == ("b", "b")
        await until(lambda: not moved.pool.connections["idle"] and not gone.pool.connections["idle"])
        assert sum(kept.pool.connections.values())
    assert reloader.results == {"applied": 1}
    await until(lambda: not v3.backends() + other.backends())  # the server may be a moment behind


async def test_a_request_under_way_ends_on_the_connections_that_it_began_with(v3, new_agno, file):
    other = new_agno("v3")
    v3.session("a"), other.session("b")
    file.write({"main": v3.dsn})
    async with running(file) as (stores, reloader):
        with stores.use() as given:
            store = given.by_id["main"][0]
            assert await store.on_behalf_of(EVERYBODY).exists("a")
            file.write({"main": other.dsn})
            await until(lambda: reloader.results["applied"])
            assert await ids(stores, "main") == "b"
            # also one that changes again meanwhile
            file.write({"main": v3.dsn})
            await until(lambda: reloader.results["applied"] == 2)
            assert await store.on_behalf_of(EVERYBODY).exists("a")
        await until(lambda: not store.database.pool.max_size)


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "{}",
        {"main": {"dsn": "host=canary", "unknown": 1}},
        {"main": "canary"},
        {"postgresql://ann:canary@db/agno": "main"},
        '{"main": {"canary": ' + "[" * 100_000,
        {"other": "host=127.0.0.1 port=1 password=canary"},
    ],
    ids=["broken", "empty", "unknown key", "malformed dsn", "swapped", "nested", "out of reach"],
)
async def test_a_bad_map_is_refused_and_told_while_the_former_serves(v3, file, caplog, bad):
    v3.session("a")
    file.write({"main": v3.dsn})
    async with running(file) as (stores, reloader):
        former = stores.current
        file.write(bad)
        await until(lambda: reloader.results["refused"])
        assert stores.current is former
        assert await ids(stores, "main") == "a"
        assert "is rejected, the previous one stays in use: " in caplog.text
        assert "canary" not in caplog.text.replace(str(file.path), "")
        file.write({"main": v3.dsn, "more": v3.dsn})
        await until(lambda: reloader.results["applied"])
        assert await ids(stores, "more") == "a"


async def test_the_file_of_one_dsn_is_followed_too(v3, new_agno, tmp_path):
    other = new_agno("v3")
    v3.session("a"), other.session("b")
    file = tmp_path / "dsn"
    file.write_text(f"{v3.dsn}\n")
    app = create_app(Settings.load({"AGNO_PG_DSN_FILE": str(file)}))
    app.freeze()
    await app.startup()
    try:
        assert await ids(app[LIVE_STORES], "default") == "a"
        file.write_text("")
        await until(lambda: app[RELOADER].results["refused"])
        assert await ids(app[LIVE_STORES], "default") == "a"
        file.write_text(other.dsn)
        await until(lambda: app[RELOADER].results["applied"])
        assert await ids(app[LIVE_STORES], "default") == "b"
    finally:
        await app.cleanup()


async def test_each_database_that_refuses_us_is_named(v3, file, caplog):
    file.write({"main": v3.dsn})
    async with running(file) as (_, reloader):
        nowhere = v3.server.dsn("nowhere")
        file.write({"main": v3.dsn, "one": nowhere, "two": {"dsn": nowhere, "schema": "x"}})
        await until(lambda: reloader.results["refused"])
    assert "one: NoSuchDatabase; two: NoSuchDatabase" in caplog.text


async def test_a_map_that_came_too_early_is_tried_again(v3, file):
    v3.server.run("CREATE ROLE rotated LOGIN SUPERUSER PASSWORD 'old'")
    v3.server.allow("local all rotated scram-sha-256")
    try:
        file.write({"main": v3.server.dsn(v3.name, user="rotated", password="old")})
        async with running(file) as (stores, reloader):
            assert await ids(stores, "main") is None
            file.write({"main": v3.server.dsn(v3.name, user="rotated", password="new")})
            await until(lambda: reloader.results["refused"])
            v3.server.run("ALTER ROLE rotated PASSWORD 'new'")
            await until(lambda: reloader.results["applied"])
            assert await ids(stores, "main") is None
    finally:
        v3.server.run("DROP ROLE rotated")


async def test_a_file_that_vanishes_leaves_the_map_in_use(v3, file):
    file.write({"main": v3.dsn})
    async with running(file) as (stores, reloader):
        await asyncio.sleep(0.1)
        assert not reloader.results
        file.path.unlink()
        await until(lambda: reloader.results["refused"])
        assert await ids(stores, "main") is None


async def test_the_same_map_written_anew_changes_nothing(v3, file):
    file.write({"main": v3.dsn, "other": v3.dsn})
    async with running(file) as (stores, reloader):
        former = stores.current
        file.write({"main": {"dsn": v3.dsn}, "other": {"dsn": v3.dsn, "schema": "ai"}})
        reloader.look()
        await asyncio.sleep(0.2)
        assert stores.current is former
        assert not reloader.results


async def test_tables_of_an_unchanged_database_may_change_on_the_same_connections(v3, file):
    v3.run("CREATE TABLE ai.old (LIKE ai.agno_sessions)")
    file.write({"main": v3.dsn})
    async with running(file) as (stores, reloader):
        assert await ids(stores, "main") is None
        database = stores.current.by_id["main"][0].database
        file.write({"main": {"dsn": v3.dsn, "sessionTable": "old"}})
        await until(lambda: reloader.results["applied"])
        [store] = stores.current.by_id["main"]
        assert (store.table, store.database is database) == ("old", True)


async def test_a_default_that_a_changed_map_lacks_is_refused(v3, file):
    file.write({"a": v3.dsn, "b": v3.dsn})
    async with running(file, AGNO_DEFAULT_DB_ID="b") as (stores, reloader):
        file.write({"a": v3.dsn})
        await until(lambda: reloader.results["refused"])
        assert stores.current.default == "b"
